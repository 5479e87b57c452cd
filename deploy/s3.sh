#!/bin/sh
# An S3 server with two keys: one that may do everything, one that may only read what is public.
# KEYS and DATA are folders; all arguments are handed on to the server.
set -eu
umask 077
keys="${KEYS:-/run/s3}/keys.json"
cat > "$keys" <<END
{"identities": [
  {"name": "oberih", "credentials": [{"accessKey": "oberih", "secretKey": "$KEY"}],
   "actions": ["Admin", "Read", "Write", "List", "Tagging"]},
  {"name": "reader", "credentials": [{"accessKey": "reader", "secretKey": "$READER_KEY"}],
   "actions": ["Read:oberih-public", "List:oberih-public"]}
]}
END
unset KEY READER_KEY
exec weed server -dir="${DATA:-/data}" -ip=127.0.0.1 -ip.bind=0.0.0.0 -volume.max=0 -master.volumeSizeLimitMB=1024 \
    -s3 -s3.config="$keys" -s3.port.iceberg=0 -s3.port.lance=0 "$@"
