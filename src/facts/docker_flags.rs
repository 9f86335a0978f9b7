//! dockerd's flags, and the daemon.json keys that mean the same.
//!
//! dockerd refuses to start when a setting is given both ways, whatever the values. It compares
//! names: a flag's own name, or, for the flags that may stand several times, the plural key.

/// Flags whose key in daemon.json has another name (moby, `cmd/dockerd/config*.go`: the named list
/// options and the shorthands).
const KEYS: [(&str, &str); 24] = [
    ("add-runtime", "runtimes"),
    ("allow-nondistributable-artifacts", "allow-nondistributable-artifacts"),
    ("authorization-plugin", "authorization-plugins"),
    ("b", "bridge"),
    ("cluster-store-opt", "cluster-store-opts"),
    ("D", "debug"),
    ("default-address-pool", "default-address-pools"),
    ("default-ulimit", "default-ulimits"),
    ("dns-opt", "dns-opts"),
    ("exec-opt", "exec-opts"),
    ("G", "group"),
    ("g", "data-root"),
    ("graph", "data-root"),
    ("H", "hosts"),
    ("host", "hosts"),
    ("insecure-registry", "insecure-registries"),
    ("l", "log-level"),
    ("label", "labels"),
    ("log-opt", "log-opts"),
    ("node-generic-resource", "node-generic-resources"),
    ("p", "pidfile"),
    ("registry-mirror", "registry-mirrors"),
    ("s", "storage-driver"),
    ("storage-opt", "storage-opts"),
];

/// The daemon.json key of each flag among `arguments`, sorted, each once.
pub fn keys<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut keys: Vec<String> = arguments
        .into_iter()
        .filter_map(flag_name)
        .map(|flag| match KEYS.iter().find(|(name, _)| *name == flag) {
            Some((_, key)) => (*key).to_owned(),
            None => flag.to_owned(),
        })
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn flag_name(argument: &str) -> Option<&str> {
    if let Some(long) = argument.strip_prefix("--") {
        let name = long.split('=').next().unwrap_or(long);
        return (!name.is_empty()).then_some(name);
    }
    let short = argument.strip_prefix('-')?;
    short.get(..1)
}

/// Splits a unit's command line into words as systemd does: quotes, backslashes, nothing else.
pub(super) fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut any) = (Vec::new(), String::new(), None, false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => (quote, any) = (Some(c), true),
            (_, '\\') => word.extend(chars.next()),
            (None, c) if c.is_whitespace() => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            (_, c) => word.push(c),
        }
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{keys, words};

    #[test]
    fn flags_become_the_keys_dockerd_compares() {
        let line = "/usr/bin/dockerd -H fd:// --exec-opt native.cgroupdriver=systemd --label=a=b --label x \
                    --data-root=/mnt/docker --iptables=false -g /x --add-runtime nvidia=/usr/bin/n";
        assert_eq!(
            keys(line.split(' ').skip(1)),
            ["data-root", "exec-opts", "hosts", "iptables", "labels", "runtimes"]
        );
    }

    #[test]
    fn words_obey_quotes() {
        assert_eq!(words(r#" a "b c"  'd "e' f\ g "" "#), ["a", "b c", "d \"e", "f g", ""]);
    }
}
