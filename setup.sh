#!/usr/bin/env bash
# setup.sh LOCK PYTHON [any]: make .venv from a lock file, whole or not at all. Called by make. With "any" a .venv of
# another version that is offered is kept. With - in place of a lock file it only tells whether .venv can be used.
set -euo pipefail
cd "$(dirname "$0")"
lock=$1 python=$2 any=${3:-}
projects=(components policies sandbox)
log=.cache/setup.log
if [ -z "$python" ]; then
	echo "Python 3.11, 3.12 or 3.13 is needed and none is on PATH; name one: make PYTHON=/path/to/python3" >&2
	exit 1
fi
# Major and minor number of a Python, or nothing where it does not run.
version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true; }
offered() { case $1 in 3.11 | 3.12 | 3.13) ;; *) return 1 ;; esac }
# Not one that a run was killed over, nor one of another Python than is wanted, or without pip.
unfinished=.venv/.unfinished
usable() {
	local has
	[ ! -e $unfinished ] && has=$(version .venv/bin/python) && .venv/bin/python -c 'import pip' 2>/dev/null &&
		if [ -n "$any" ]; then offered "$has"; else [ "$has" = "$(version "$python")" ]; fi
}
if [ "$lock" = - ]; then usable; exit; fi
wanted=$(version "$python")
if ! offered "$wanted"; then
	echo "Python 3.11, 3.12 or 3.13 is needed, and ${python:-what is on PATH} is ${wanted:-not a Python that runs}; name one: make PYTHON=/path/to/python3" >&2
	exit 1
fi
mkdir -p .cache
fresh=$(usable || echo 1)
[ -z "$fresh" ] || rm -rf .venv
clean_up() {
	status=$?
	[ -z "${working:-}" ] || { kill "$working" && wait "$working"; } 2>/dev/null || true
	[ -z "$fresh" ] || rm -rf .venv
	exit "$status"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Say every few seconds what goes on, until a command has ended; its output is kept in the log.
watched() {
	"$@" >>"$log" 2>&1 &
	working=$!
	while kill -0 $working 2>/dev/null; do
		now=$(awk '/^(Collecting|Requirement already|Installing|Resolved|Prepared|Installed|Downloading)/ {n = $0} END {print substr(n, 1, 60)}' "$log")
		if [ -t 1 ]; then
			printf '\r\033[K  %3d s  %s' $SECONDS "$now"
		elif [ $SECONDS -ge ${next:-5} ]; then
			printf '  %3d s  %s\n' $SECONDS "$now"
			next=$((SECONDS + 10))
		fi
		sleep 0.2
	done
	[ ! -t 1 ] || printf '\r\033[K'
	if wait $working; then working=; else working=; return 1; fi
}

# The index and folders that pip is told to use, for uv, which does not read pip's settings.
indexes() {
	"$1" -m pip config list 2>/dev/null | sed -nE "s/^(global|install|:env:)\.(index-url|extra-index-url|find-links)='(.*)'$/--\2=\3/p" | tr '\n' ' '
}

# uv from PATH, or from PyPI in the version that is locked, in a folder of its own; nothing where it cannot be had.
uv_or_nothing() {
	if command -v uv; then return; fi
	if [ ! -x .cache/uv/bin/uv ]; then
		awk '/^uv==/ {take = 1} take {print} take && !/\\$/ {exit}' requirements-dev.lock >.cache/uv.lock.txt
		{
			"$python" -m pip install --disable-pip-version-check -q --require-hashes -r .cache/uv.lock.txt --target .cache/uv ||
				{ "$python" -m venv .cache/uv && .cache/uv/bin/python -m pip install -q --require-hashes -r .cache/uv.lock.txt; }
		} >>"$log" 2>&1 || return 0
	fi
	echo .cache/uv/bin/uv
}

failed() {
	tail -n 25 "$log" >&2
	echo "The installation failed; all of its output is in $log" >&2
	exit 1
}

SECONDS=0
: >"$log"
echo "Setting up .venv from $lock: $(grep -c '^[a-z]' "$lock") packages (only now)"
uv=$(uv_or_nothing)
editable=("${projects[@]/#/--editable=./}")
if [ -n "$uv" ]; then
	# shellcheck disable=SC2046 # several options
	set -- $(indexes "$python")
	[ -z "$fresh" ] || "$uv" venv -q --seed --python "$python" "$@" .venv >>"$log" 2>&1 || failed
	touch $unfinished
	watched "$uv" pip install --python .venv/bin/python "$@" --require-hashes -r "$lock" || failed
	watched "$uv" pip install --python .venv/bin/python --no-deps --no-build-isolation "${editable[@]}" || failed
else
	[ -z "$fresh" ] || "$python" -m venv .venv >>"$log" 2>&1 || failed
	touch $unfinished
	watched .venv/bin/python -m pip install --disable-pip-version-check --progress-bar off --require-hashes -r "$lock" || failed
	watched .venv/bin/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation "${editable[@]}" || failed
fi
echo $SECONDS >.venv/.install-seconds
rm $unfinished
echo "  done in $SECONDS s"
fresh=
