#!/usr/bin/env bash
# Builds whyreset.bpf.o into the folder given (default: beside the sources). The same sources give
# the same bytes from any folder; another clang major does not, so this one is pinned.
set -euo pipefail
cd "$(dirname "$0")"
out=${1:-.}
clang-14 -target bpf -mcpu=v3 -O2 -g -Wall -Werror -Wno-unused -nostdinc \
	-ffile-prefix-map="$PWD"/= -fdebug-compilation-dir=. -c whyreset.bpf.c -o "$out/whyreset.bpf.o"
# No loader asks where BTF.ext's own offsets came from, nor for the names of jump targets.
llvm-strip-14 -g -w -N 'LBB*' -R .rel.BTF.ext "$out/whyreset.bpf.o"
