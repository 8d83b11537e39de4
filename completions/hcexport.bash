# Completion of hcexport in bash 4.4 or newer.  Made by: hcexport completion bash

_hcexport() {
    local kind value words
    COMPREPLY=()
    while IFS=$'\t' read -r kind value words; do
        case $kind in
            plain) COMPREPLY+=("$value") ;;
            file) compopt -o default ;;
        esac
    done < <(_HCEXPORT_LINE="${COMP_LINE:0:COMP_POINT}" _HCEXPORT_COMPLETE=bash "$1" 2>/dev/null </dev/null)
}

complete -o nosort -F _hcexport hcexport
