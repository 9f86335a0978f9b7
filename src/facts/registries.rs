//! Which image registries answer from this machine, the way dockerd would ask them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::circumstances::Circumstances;
use super::fact::Fact;
use super::probe::Probe;
use super::transcript::{Ended, TOO_LONG, Transcript};
use crate::redact;

/// Docker Hub's registry: what `docker.io` means.
pub const DOCKER_HUB: &str = "https://registry-1.docker.io";

/// A registry's base URL: `docker.io` is the hub, `host[:port]` speaks HTTPS, a URL is itself.
///
/// # Errors
/// When it is none of these; what is quoted back has no user and password in it.
pub fn base_url(registry: &str) -> Result<String, String> {
    let text = registry.trim().trim_end_matches('/');
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]%".contains(c);
    if text.is_empty() || !text.chars().all(fits) {
        let shown = registry_shown(registry);
        return Err(format!(
            "`{shown}` is not a registry: write host[:port] for HTTPS, or a URL without user and password"
        ));
    }
    match text {
        "docker.io" | "index.docker.io" | "registry-1.docker.io" => Ok(DOCKER_HUB.to_owned()),
        url if url.starts_with("https://") || url.starts_with("http://") => Ok(url.to_owned()),
        host if host.contains("://") => Err(format!("`{host}` is neither http:// nor https://")),
        host => Ok(format!("https://{host}")),
    }
}

/// A registry without a user and a password.
fn registry_shown(registry: &str) -> String {
    let shown = redact::value("registry", &registry.into());
    shown.as_str().unwrap_or(redact::STARS).to_owned()
}

/// Which image registries answer from this machine, the way dockerd would ask them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Registries {
    /// Every registry that was asked; docker.io together with its mirrors.
    pub asked: Fact<Vec<Registry>>,
}

/// One registry's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Registry {
    /// Its base URL.
    pub registry: String,
    /// Whether `/v2/` answered 200 or 401.
    pub answered: bool,
    /// Who answered, or how each attempt failed.
    pub outcome: String,
}

/// What the subject reads: `/v2/` of each registry at once, through the proxy (the inventory's, else dockerd's) and with the CA
/// that dockerd uses. The proxy travels in the environment, never in an argument.
pub const PROBES: &[Probe] = &[Probe::shell(
    "registries",
    "GET /v2/ of each registry",
    r#"[ -n "$REGISTRIES" ] || return 0
# dockerd's proxy counts, not the login's; and nobody's .curlrc.
unset http_proxy https_proxy no_proxy all_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY
f=/etc/docker/daemon.json
environ=; config=
if [ -n "$dockerd" ] && [ -r "/proc/$dockerd/environ" ]; then
    # The shell reads over the NULs between them: enough to see whether there is a proxy at all.
    while IFS= read -r line || [ -n "$line" ]; do environ=$environ$line; done <"/proc/$dockerd/environ"
    case $environ in *_[pP][rR][oO][xX][yY]=*) environ=$(tr '\0' '\n' <"/proc/$dockerd/environ") ;; *) environ= ;; esac
else environ=$(systemctl show -p Environment docker.service 2>/dev/null | sed 's/^Environment=//' | tr ' ' '\n'); fi
while IFS= read -r line; do
    case $line in [hH][tT][tT][pP]_[pP][rR][oO][xX][yY]=*) http_proxy=${line#*=}; export http_proxy ;;
    [hH][tT][tT][pP][sS]_[pP][rR][oO][xX][yY]=*) https_proxy=${line#*=}; export https_proxy ;;
    [nN][oO]_[pP][rR][oO][xX][yY]=*) no_proxy=${line#*=}; export no_proxy ;; esac
done <<END
$environ
END
if [ -f "$f" ] && [ -r "$f" ]; then
    while IFS= read -r line || [ -n "$line" ]; do
        config="$config $line"
        [ "${#config}" -lt 65536 ] || break
    done <"$f"
fi
# The words of a list of daemon.json, one a line.
list() {
    l=${config##*"\"$1\""}; l=${l#"${l%%[![:space:]:]*}"}
    case $l in '['*']'*) l=${l#?}; l=${l%%]*} ;; *) return ;; esac
    IFS=' ,"'; set -f
    for w in $l; do case $w in *[![:space:]]*) printf '%s\n' "$w" ;; esac; done
}
case $config in *'"http-proxy"'*|*'"https-proxy"'*)
    v=$(printf '%s\n' "$config" | sed -n 's/.*"https-proxy"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p'); [ -n "$v" ] && export https_proxy="$v"
    v=$(printf '%s\n' "$config" | sed -n 's/.*"http-proxy"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p'); [ -n "$v" ] && export http_proxy="$v"
    v=$(printf '%s\n' "$config" | sed -n 's/.*"no-proxy"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p'); [ -n "$v" ] && export no_proxy="$v" ;;
esac
# What the container manager will be told counts before what dockerd is told now.
[ -z "$PROXY_HTTP" ] || export http_proxy="$PROXY_HTTP"
[ -z "$PROXY_HTTPS" ] || export https_proxy="$PROXY_HTTPS"
[ -z "$PROXY_NO" ] || export no_proxy="$PROXY_NO"
mirrors=; insecure=
case $config in *'"registry-mirrors"'*) mirrors=$(list registry-mirrors) ;; esac
case $config in *'"insecure-registries"'*) insecure=$(list insecure-registries) ;; esac
if command -v curl >/dev/null 2>&1; then tool=curl; elif command -v wget >/dev/null 2>&1; then tool=wget
elif command -v python3 >/dev/null 2>&1; then tool=python3; else return 127; fi
echo "by $tool"
ask() {
    host=${2#*://}; host=${host%%/*}; k=; ca=/etc/docker/certs.d/$host/ca.crt; [ -r "$ca" ] || ca=
    case "
$insecure
" in *"
$host
"*) k=1 ;; esac
    case $tool in
    curl) said=$(curl -q -sS -o /dev/null -w '\n%{http_code}' --connect-timeout 3 --max-time 4 ${k:+-k} ${ca:+--cacert "$ca"} "${2%/}/v2/" 2>&1) ;;
    wget) said=$(wget -S -O /dev/null -T 4 ${k:+--no-check-certificate} ${ca:+--ca-certificate="$ca"} "${2%/}/v2/" 2>&1 |
        sed -n -e 's/.*HTTP\/[0-9.]* \([0-9][0-9][0-9]\).*/\1/p' -e '/^wget:/p' -e '/failed:/p' -e '/ERROR/p') ;;
    python3) said=$(python3 -I -c 'import ssl,sys,urllib.request as r,urllib.error as e
c=ssl.create_default_context(cafile=sys.argv[2] or None)
if sys.argv[3]: c.check_hostname=False; c.verify_mode=ssl.CERT_NONE
try: print(r.build_opener(r.ProxyHandler(),r.HTTPSHandler(context=c)).open(sys.argv[1],timeout=4).status)
except e.HTTPError as x: print(x.code)
except Exception as x: print(x)' "${2%/}/v2/" "$ca" "$k" 2>&1) ;;
    esac
    kind=$1 url=$2
    # In one line.
    set -f; set -- $said
    printf '%s\t%s\t%s\n' "$kind" "$url" "$*"
}
set --
for u in $REGISTRIES; do set -- "$@" registry "$u"; done
case "
$REGISTRIES
" in *"
https://registry-1.docker.io
"*) for u in $MIRRORS $mirrors; do case $u in *@*) printf 'mirror\t%s\tdockerd takes no user and password here\n' "${u%%://*}://${u#*@}" ;;
    http://*|https://*) set -- "$@" mirror "$u" ;; esac; done ;; esac
# All at once, the last one by this process itself.
while [ $# -gt 2 ]; do ask "$1" "$2" & shift 2; done
[ $# = 0 ] || ask "$1" "$2"
wait"#,
)
.within(Duration::from_secs(5))];

/// Reads the subject out of a transcript and the list that was asked about.
pub fn parse(transcript: &Transcript, circumstances: &Circumstances) -> Registries {
    let Some(section) = transcript.sections().get("registries") else {
        return Registries { asked: Fact::unknown("not in the transcript", "registries") };
    };
    let mut source: Cow<'static, str> = section.source.clone();
    if section.ended == Ended::Exited(127) {
        let reason = "the host has neither curl nor wget nor python3: install curl";
        return Registries { asked: Fact::unknown(reason, source) };
    }
    let text = String::from_utf8_lossy(&section.out).into_owned();
    let mut answers = Vec::new();
    for line in text.lines() {
        if let Some(tool) = line.strip_prefix("by ") {
            source = format!("{source}, by {tool}").into();
        }
        let mut fields = line.splitn(3, '\t');
        if let (Some(kind), Some(url), Some(said)) = (fields.next(), fields.next(), fields.next()) {
            answers.push((kind, url, said.trim()));
        }
    }
    // Who reads an answer that was gathered elsewhere knows which were asked by the answer alone.
    let mut registries = circumstances.registries.clone();
    if registries.is_empty() {
        let named = answers.iter().filter(|(kind, ..)| *kind != "mirror");
        let mut seen = HashSet::new();
        registries.extend(named.filter(|(_, url, _)| seen.insert(*url)).map(|(_, url, _)| (*url).to_owned()));
    }
    if registries.is_empty() {
        return Registries { asked: Fact::unknown("no registry was asked", source) };
    }
    let missing = match section.ended {
        Ended::Exited(_) => "the host said nothing of it",
        Ended::TimedOut(_) => "no answer in time",
        Ended::TooLong => TOO_LONG,
    };
    let mut by_url: HashMap<&str, Vec<(&str, &str)>> = HashMap::new();
    let mut mirrors = Vec::new();
    for (kind, url, said) in answers {
        // Docker Hub's answer is that of any of its mirrors.
        if kind == "mirror" && url != DOCKER_HUB {
            mirrors.push((url, said));
        }
        by_url.entry(url).or_default().push((url, said));
    }
    let asked = registries.iter().map(|registry| {
        let own = by_url.get(registry.as_str()).into_iter().flatten();
        let mirrors = mirrors.iter().filter(|_| registry == DOCKER_HUB);
        let mut attempts: Vec<(&str, &str)> = mirrors.chain(own).copied().collect();
        if !attempts.iter().any(|(url, _)| url == registry) {
            attempts.push((registry, missing));
        }
        match attempts.iter().find(|(_, said)| is_registry(said)) {
            Some((url, said)) => Registry {
                registry: registry.clone(),
                answered: true,
                outcome: format!("{} answered {}", redact::shown(url), status(said).unwrap_or_default()),
            },
            None => Registry {
                registry: registry.clone(),
                answered: false,
                outcome: attempts
                    .iter()
                    .map(|(url, said)| format!("{}: {}", redact::shown(url), failure(said)))
                    .collect::<Vec<_>>()
                    .join("; "),
            },
        }
    });
    Registries { asked: Fact::known(asked.collect(), source) }
}

/// The HTTP status at the end of what the tool said.
fn status(said: &str) -> Option<u16> {
    said.split_whitespace().next_back()?.parse().ok().filter(|status| (100..600).contains(status))
}

fn is_registry(said: &str) -> bool {
    matches!(status(said), Some(200 | 401))
}

fn failure(said: &str) -> String {
    match status(said) {
        Some(status) => format!("answered {status}, a registry answers 200 or 401"),
        None => redact::text(said.trim_end_matches("000").trim()).into_owned(),
    }
}
