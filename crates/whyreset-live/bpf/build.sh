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

# A third of the object would be the lines of the source that the verifier quotes in its log. Of BTF.ext
# the functions and the relocations stay (struct btf_ext_header: magic, then seven words).
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
old=$work/old
new=$work/new
llvm-objcopy-14 --dump-section ".BTF.ext=$old" "$out/whyreset.bpf.o" "$work/copy"
read -r head func_at func_len _ _ core_at core_len < <(od -An -v -w28 -tu4 -j4 -N28 "$old")
{
	head -c 4 "$old"
	for word in "$head" 0 "$func_len" "$func_len" 0 "$func_len" "$core_len"; do
		for shift in 0 8 16 24; do
			# shellcheck disable=SC2059 # the format is the byte
			printf "\\x$(printf %02x $((word >> shift & 255)))"
		done
	done
	head -c "$((head + func_at + func_len))" "$old" | tail -c "$func_len"
	head -c "$((head + core_at + core_len))" "$old" | tail -c "$core_len"
} >"$new"
llvm-objcopy-14 --update-section ".BTF.ext=$new" "$out/whyreset.bpf.o"
