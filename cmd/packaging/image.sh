#!/bin/sh
# Makes a container image of the program and nothing else, without a daemon: a tar
# file that "docker load", "podman load" and "skopeo copy oci-archive:" take. The
# same program gives the same bytes.
#
#   cmd/packaging/image.sh PROGRAM ARCHITECTURE FILE
#
# ARCHITECTURE is amd64, arm64, arm or 386. The Dockerfile makes the same image
# where there is a daemon.
set -eu

if [ $# -ne 3 ]; then
    echo "image.sh: want PROGRAM ARCHITECTURE FILE" >&2
    exit 2
fi
program=$1 architecture=$2 file=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# pack FOLDER FILE makes a tar file in which nothing tells when and by whom.
pack() {
    tar --create --file "$2" --directory "$1" --sort=name --mtime=@0 --numeric-owner --format=ustar \
        --owner="${3:-0}" --group="${3:-0}" .
}

# blob FILE puts a file among the blobs and prints its digest.
blob() {
    sum=$(sha256sum "$1" | cut -d ' ' -f 1)
    mv "$1" "$folder/image/blobs/sha256/$sum"
    echo "$sum"
}

mkdir -p "$folder/root/data" "$folder/image/blobs/sha256"
install -m 0755 "$program" "$folder/root/smallnano"
chmod 0755 "$folder/root"
chmod 0700 "$folder/root/data"
pack "$folder/root" "$folder/layer.tar" 65532
diff=$(sha256sum "$folder/layer.tar" | cut -d ' ' -f 1)
gzip -n -9 "$folder/layer.tar"
layerSize=$(wc -c <"$folder/layer.tar.gz" | tr -d ' ')
layer=$(blob "$folder/layer.tar.gz")

variant=
if [ "$architecture" = arm ]; then variant='"variant":"v7",'; fi
cat >"$folder/config" <<EOF
{"architecture":"$architecture",$variant"os":"linux","created":"1970-01-01T00:00:00Z","config":{"User":"65532:65532","Env":["SMALLNANO_DATA_DIR=/data","SMALLNANO_RPC_ADDRESS=0.0.0.0"],"Entrypoint":["/smallnano"],"Cmd":["node","run"],"WorkingDir":"/","StopSignal":"SIGTERM","ExposedPorts":{"7176/tcp":{},"7177/tcp":{}},"Volumes":{"/data":{}},"Healthcheck":{"Test":["CMD","/smallnano","status"],"Interval":30000000000,"Timeout":10000000000,"StartPeriod":60000000000}},"rootfs":{"type":"layers","diff_ids":["sha256:$diff"]},"history":[{"created":"1970-01-01T00:00:00Z","created_by":"image.sh"}]}
EOF
configSize=$(wc -c <"$folder/config" | tr -d ' ')
config=$(blob "$folder/config")
cat >"$folder/manifest" <<EOF
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$config","size":$configSize},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:$layer","size":$layerSize}]}
EOF
manifestSize=$(wc -c <"$folder/manifest" | tr -d ' ')
manifest=$(blob "$folder/manifest")
echo '{"imageLayoutVersion":"1.0.0"}' >"$folder/image/oci-layout"
cat >"$folder/image/index.json" <<EOF
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:$manifest","size":$manifestSize,"annotations":{"io.containerd.image.name":"docker.io/library/smallnano:latest","org.opencontainers.image.ref.name":"latest"},"platform":{"architecture":"$architecture","os":"linux"}}]}
EOF
cat >"$folder/image/manifest.json" <<EOF
[{"Config":"blobs/sha256/$config","RepoTags":["smallnano:latest"],"Layers":["blobs/sha256/$layer"]}]
EOF
chmod -R u=rwX,go=rX "$folder/image"
pack "$folder/image" "$folder/image.tar"
mv "$folder/image.tar" "$file"
echo "$file: $layerSize bytes compressed, image sha256:$config"
