# Completion of hcexport in fish.  Made by: hcexport completion fish

function _hcexport
    set -lx _HCEXPORT_LINE (commandline -cp | string collect)
    set -lx _HCEXPORT_COMPLETE fish
    for line in (hcexport 2>/dev/null </dev/null)
        set -l fields (string split \t -- $line)
        switch $fields[1]
            case plain
                printf '%s\t%s\n' $fields[2] $fields[3]
            case file
                __fish_complete_path $fields[2]
        end
    end
end

complete --command hcexport --no-files --keep-order --arguments '(_hcexport)'
