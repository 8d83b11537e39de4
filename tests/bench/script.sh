#!/usr/bin/env bash
# The same export as people script it: submit, look each second, download, check.  script.sh URL TOKEN CA RUN_ID FILE
set -euo pipefail
url=$1/admin token=$2 ca=$3 run_id=$4 file=$5
ask() { curl -sS --fail --cacert "$ca" -H "X-Esri-Authorization: Bearer $token" "$@"; }

job=$(ask --data-urlencode "token=$token" -d "f=json&runIds=$run_id" "$url/healthCheck/reports/export" | jq -r .jobid)
while answer=$(ask "$url/jobs/$job?f=json") && [ "$(jq -r .status <<<"$answer")" != COMPLETED ]; do
  sleep 1
done
item=$(jq -r '.result.URL // .result' <<<"$answer")
ask -o "$file" "$url/uploads/${item##*/}/download"
unzip -tq "$file"
