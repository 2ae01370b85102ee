#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""completion.py PLUG OUT: completion for bash, zsh and fish from the command's own tables."""
import pathlib
import sys

from tables import Tables

BASH = r"""# SPDX-License-Identifier: MIT
# Completion of plug for bash, made of its tables: addresses, their options, the command's own.

_plug_options_of() {
    case $1 in
@CASES@
    esac
}

_plug() {
    local line=${COMP_LINE:0:COMP_POINT} cur words kind cut
    cur=${line##*[[:space:]]}
    case $line in
    *[[:space:]]help[[:space:]]*) words='@NAMES@' ;;
    *)
        case $cur in
        *[,#]*)
            kind=${cur%%[:,#]*}
            kind=${kind##*+}
            cut=${cur%"${cur##*[,#]}"}
            words=$(_plug_options_of "$kind" | sed "s/[^ ][^ ]*/$(printf %s "$cut" | sed 's/[\/&]/\\&/g')&/g")
            ;;
        -*) words='@OPTIONS@' ;;
        *+*) words=$(printf '%s' '@KINDS@' | sed "s/[^ ][^ ]*/${cur%%+*}+&/g") ;;
        *) words='@VERBS@ @KINDS@' ;;
        esac ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    # readline replaces only what stands behind the last : or =
    cut=${cur%"${cur##*[:=]}"}
    COMPREPLY=("${COMPREPLY[@]#"$cut"}")
    case ${COMPREPLY[0]} in *[:=+]) compopt -o nospace 2>/dev/null ;; esac
}
complete -o default -F _plug plug
"""

ZSH = r"""#compdef plug
# SPDX-License-Identifier: MIT
# Completion of plug for zsh, made of its tables.

_plug_options_of() {
    case $1 in
@CASES@
    esac
}

_plug() {
    local -a plug_rows
    plug_rows=(
@ROWS@
    )
    if (( CURRENT > 2 )) && [[ $words[2] == help ]]; then
        compadd -- @NAMES@
    elif [[ $PREFIX == *[,#]* ]]; then
        local kind=${${PREFIX%%[:,#]*}##*+}
        compset -P '*[,#]'
        compadd -S '' -- $(_plug_options_of $kind)
    elif [[ $PREFIX == -* ]]; then
        _describe -o option plug_rows
    else
        (( CURRENT == 2 )) && compadd -- @VERBS@
        compset -P '*+'
        compadd -S '' -- @KINDS@
        _files
    fi
}

_plug "$@"
"""

FISH = r"""# SPDX-License-Identifier: MIT
# Completion of plug for fish, made of its tables.

function __plug_options_of
    switch $argv[1]
@CASES@
    end
end

function __plug_address
    set -l cur $argv[1]
    if string match -qr '[,#]' -- $cur
        set -l kind (string replace -r '[:,#].*' '' -- $cur | string replace -r '.*\+' '')
        set -l cut (string replace -r '[^,#]*$' '' -- $cur)
        for word in (__plug_options_of $kind)
            echo "$cut$word"
        end
    else
        set -l cut (string match -r '.*\+' -- $cur)
        for word in @KINDS@
            echo "$cut$word"
        end
    end
end

complete -c plug -n '__fish_use_subcommand' -a '@VERBS@'
complete -c plug -n '__fish_seen_subcommand_from help' -f -a '@NAMES@'
complete -c plug -n 'not __fish_seen_subcommand_from help' -a '(__plug_address (commandline -ct))'
@ROWS@
"""


def words_of(options):
    return sorted({o["name"] + ("=" if o["value"] else "") for o in options})


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def layers(tables):
    """[(names of kinds, words of their options)]; kinds with the same options together."""
    groups = {}
    for k in tables.kinds:
        words = " ".join(words_of(tables.of[k["name"]] + tables.common))
        groups.setdefault(words, []).extend([k["name"], *k["aliases"]])
    return [(names, words) for words, names in groups.items()]


def fill(template, **values):
    for name, text in values.items():
        template = template.replace(f"@{name.upper()}@", text)
    return template


def fish_row(names, value, text):
    row = "complete -c plug"
    for n in names:
        row += f" -l {n[2:]}" if n.startswith("--") else f" -s {n[1:]}"
    return row + (" -x" if value else "") + " -d " + "'" + text.replace("'", "\\'") + "'"


def main():
    plug, out = sys.argv[1:]
    tables, out = Tables(plug), pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    groups, rows = layers(tables), tables.command_options()
    kinds = " ".join(k["name"] + ("+" if not k["base"] else ":") for k in tables.kinds)
    verbs = " ".join(tables.command["verbs"])
    everything = {k["name"] for k in tables.kinds}
    everything |= {t["name"] for t in tables.command["topics"]}
    everything |= {o["name"] for os in (*tables.of.values(), tables.common) for o in os}
    flags = " ".join(n + ("=" if value and n.startswith("--") else "")
                     for names, value, _ in rows for n in names)
    common = {"kinds": kinds, "verbs": verbs, "names": " ".join(sorted(everything))}
    sh = "\n".join(f"    {'|'.join(names)}) echo '{words}' ;;" for names, words in groups)
    (out / "plug.bash").write_text(fill(BASH, cases=sh, options=flags, **common))
    described = "\n".join("        " + quoted(n + ":" + text.replace(":", "\\:"))
                          for names, _, text in rows for n in names)
    zsh = "\n".join(f"    {'|'.join(names)}) print -l -- {words} ;;" for names, words in groups)
    (out / "_plug").write_text(fill(ZSH, cases=zsh, rows=described, **common))
    fish = "\n".join(f"        case {' '.join(quoted(n) for n in names)}\n"
                     f"            printf '%s\\n' {words}" for names, words in groups)
    (out / "plug.fish").write_text(fill(FISH, cases=fish, **common,
                                        rows="\n".join(fish_row(*r) for r in rows)))


if __name__ == "__main__":
    main()
