#include <filesystem>

#include "ctl/command.hpp"
#include "ctl/complete.hpp"

namespace elves::ctl {

namespace {

std::string shell_word(std::string const& text)
{
    std::string out = "'";
    for (auto const c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

/// Every command's words: what is offered where the program can't be run.
std::string all_words()
{
    std::string words;
    for (auto const& group : groups()) {
        if (!group.name.empty()) words += (words.empty() ? "" : " ") + std::string(group.name);
        for (auto const& command : group.commands()) {
            if (!command.name.empty()) words += (words.empty() ? "" : " ") + std::string(command.name);
        }
    }
    return words;
}

/// Where the word that was typed is no program: this one.
std::string this_program()
{
    std::error_code failure;
    auto const path = std::filesystem::read_symlink("/proc/self/exe", failure);
    return failure ? "elvesctl" : path.string();
}

std::string replaced(std::string text)
{
    std::pair<std::string, std::string> const marks[]{{"@COMPLETE@", std::string(complete_command)},
        {"@PROGRAM@", shell_word(this_program())}, {"@WORDS@", shell_word(all_words())}};
    for (auto const& [mark, value] : marks) {
        for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + value.size()))
            text.replace(at, mark.size(), value);
    }
    return text;
}

/// bash splits words at `=`, `:` and `@` too; they are put together again, and what stands before the last
/// part is taken off the candidates, because bash replaces only that part.
constexpr char const* bash_script =
    R"sh(# elvesctl's completion for bash: source it, or put it into bash-completion's folder.
_elvesctl()
{
    local -a words=()
    local i word last joined=0 current before program line path item
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        last=$((${#words[@]} - 1))
        if ((last >= 0)) && { ((joined)) || [[ -n $word && $word != *[!=:@]* ]]; } &&
            [[ -z $COMP_LINE || $COMP_LINE == *"${words[last]}$word"* ]]; then
            words[last]+=$word
        else
            words+=("$word")
        fi
        joined=0
        [[ -n $word && $word != *[!=:@]* ]] && joined=1
    done
    current=${words[${#words[@]} - 1]}
    before=${current%"${COMP_WORDS[COMP_CWORD]}"}
    [[ ${COMP_WORDS[COMP_CWORD]} != *[!=:@]* ]] && before=$current
    before=${before%@} # an @ before the last part is replaced too
    program=${COMP_WORDS[0]}
    type -P "$program" >/dev/null || program=@PROGRAM@
    COMPREPLY=()
    if ! type -P "$program" >/dev/null; then
        COMPREPLY=($(compgen -W @WORDS@ -- "$current"))
        return
    fi
    while IFS= read -r line; do
        case $line in
        ':file '* | ':folder '*)
            path=${line#* }
            compopt -o filenames 2>/dev/null
            while IFS= read -r item; do
                COMPREPLY+=("${path#"$before"}$item")
            done < <(if [[ $line == ':file '* ]]; then compgen -f -- "${current#"$path"}"
                     else compgen -d -- "${current#"$path"}"; fi)
            ;;
        *)
            line=${line%%$'\t'*}
            COMPREPLY+=("${line#"$before"}")
            ;;
        esac
    done < <("$program" @COMPLETE@ "${words[@]}" 2>/dev/null)
}
complete -F _elvesctl elvesctl
)sh";

constexpr char const* zsh_script = R"sh(#compdef elvesctl
# elvesctl's completion for zsh: source it, or put it into a folder of $fpath as _elvesctl.
_elvesctl()
{
    local -a lines candidates
    local program=$words[1] line word what tab=$'\t'
    whence -p -- $program >/dev/null || program=@PROGRAM@
    if ! whence -p -- $program >/dev/null; then
        compadd -- ${(s: :)${:-@WORDS@}}
        return
    fi
    lines=("${(@f)$($program @COMPLETE@ "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    for line in $lines; do
        case $line in
        ':file '*) compset -P "${line#:file }"; _files; return ;;
        ':folder '*) compset -P "${line#:folder }"; _files -/; return ;;
        '') ;;
        *)
            word=${line%%$tab*}
            what=${line#*$tab}
            [[ $line == *$tab* ]] || what=''
            candidates+=("${word//:/\\:}${what:+:$what}")
            ;;
        esac
    done
    _describe elvesctl candidates
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _elvesctl elvesctl
)sh";

constexpr char const* fish_script =
    R"sh(# elvesctl's completion for fish: put it into ~/.config/fish/completions/elvesctl.fish.
function __elvesctl_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l program $words[1]
    command -q $program; or set program @PROGRAM@
    if not command -q $program
        string split ' ' -- @WORDS@
        return
    end
    for line in ($program @COMPLETE@ $words[2..-1] 2>/dev/null)
        switch $line
            case ':file *' ':folder *'
                set -l before (string replace -r '^:[a-z]+ ' '' -- $line)
                set -l path (string sub -s (math (string length -- "$before") + 1) -- (commandline -ct))
                for item in (__fish_complete_path $path)
                    echo $before$item
                end
            case '*'
                echo $line
        end
    end
end
complete -c elvesctl -f -a '(__elvesctl_complete)'
)sh";

Exit completion(Context const& with)
{
    auto const shell = with.args.text("SHELL");
    auto const script = replaced(shell == "bash" ? bash_script : shell == "zsh" ? zsh_script : fish_script);
    with.out.document(document_of(true, "", {{"script", script}}));
    with.out.raw(script);
    return Exit::well;
}

Arg shell()
{
    auto arg = one_of("SHELL", "Yours.", {"bash", "zsh", "fish"});
    arg.is_required = true;
    return arg;
}

} // namespace

std::span<Command const> completion_commands()
{
    static std::vector<Command> const all{
        {"completion", "Print a script that completes elvesctl's words in your shell.", {shell()},
            completion},
    };
    return all;
}

} // namespace elves::ctl
