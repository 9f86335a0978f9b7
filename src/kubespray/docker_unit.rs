//! The flags that kubespray's Docker unit passes to dockerd, as the keys of daemon.json that they are.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::facts::docker_flag_keys;
use crate::inventory::RoleVars;

/// The templates that give dockerd flags.
pub(super) const TEMPLATES: [&str; 3] = ["docker.service.j2", "docker-options.conf.j2", "docker-dns.conf.j2"];

/// The daemon.json keys of the flags in these templates, with the release's own defaults, on a Debian or Ubuntu x86_64
/// host. A flag under a condition that is not decidable counts: what is among the flags and in daemon.json keeps dockerd
/// from starting.
pub(super) fn keys(templates: &[(&str, String)], vars: &RoleVars) -> Vec<String> {
    let facts = [("ansible_os_family", "Debian"), ("ansible_architecture", "x86_64")];
    let vars =
        &vars.given(facts.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect());
    // kubespray writes the DNS options only then.
    let with_dns = !matches!(
        (vars.value_of("resolvconf_mode"), vars.value_of("dns_mode")),
        (Ok(Some(Value::String(mode))), _) if mode != "docker_dns"
    );
    let mut flags: Vec<String> = Vec::new();
    for (name, text) in templates {
        if *name == "docker-dns.conf.j2" && !with_dns {
            continue;
        }
        scan(text, vars, &mut flags);
    }
    docker_flag_keys(flags.iter().map(String::as_str))
}

/// What stands in a template between two marks.
enum Piece<'t> {
    Text(&'t str),
    Expression(&'t str),
    Statement(&'t str),
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    static MARKS: LazyLock<Regex> = LazyLock::new(|| {
        #[allow(clippy::unwrap_used)] // constant; the tests use it
        Regex::new(r"(?s)\{\{-?(?P<expression>.*?)-?\}\}|\{%-?(?P<statement>.*?)-?%\}|\{#.*?#\}").unwrap()
    });
    let mut found = Vec::new();
    let mut from = 0;
    for marks in MARKS.captures_iter(template) {
        let Some(whole) = marks.get(0) else { continue };
        found.push(Piece::Text(&template[from..whole.start()]));
        if let Some(expression) = marks.name("expression") {
            found.push(Piece::Expression(expression.as_str().trim()));
        }
        if let Some(statement) = marks.name("statement") {
            found.push(Piece::Statement(statement.as_str().trim()));
        }
        from = whole.end();
    }
    found.push(Piece::Text(&template[from..]));
    found
}

/// Collects the flags of the parts that are written, or may be.
fn scan(template: &str, vars: &RoleVars, flags: &mut Vec<String>) {
    static FACT: LazyLock<Regex> = LazyLock::new(|| {
        #[allow(clippy::unwrap_used)] // constant; the tests use it
        Regex::new(r#"ansible_facts\[['"](\w+)['"]\]"#).unwrap()
    });
    // Both ways to name a fact are the same.
    let template = &FACT.replace_all(template, "ansible_$1");
    // For each open block: whether its present part may be written, and whether another part certainly is.
    let mut open: Vec<(bool, bool)> = Vec::new();
    for piece in pieces(template) {
        let written = open.iter().all(|(may, _)| *may);
        match piece {
            Piece::Text(text) if written => take(text, flags),
            Piece::Expression(expression) if written => {
                // Options as a whole in a variable: `--log-opt max-size=50m --log-opt max-file=5`.
                if let Ok(Value::String(text)) = vars.render(&format!("{{{{ {expression} }}}}")) {
                    take(&text, flags);
                }
            }
            Piece::Statement(statement) => {
                let (word, rest) = statement.split_once(char::is_whitespace).unwrap_or((statement, ""));
                let truth = |condition: &str| match vars
                    .render(&format!("{{{{ true if ({condition}) else false }}}}"))
                {
                    Ok(Value::Bool(truth)) => Some(truth),
                    _ => None,
                };
                match word {
                    "if" => {
                        let truth = truth(rest);
                        open.push((truth != Some(false), truth == Some(true)));
                    }
                    "for" => {
                        let items = rest.split_once(" in ").map_or("", |(_, items)| items);
                        let any = truth(&format!("({items}) | length > 0"));
                        open.push((any != Some(false), false));
                    }
                    "elif" => {
                        let truth = truth(rest);
                        if let Some((may, done)) = open.last_mut() {
                            *may = !*done && truth != Some(false);
                            *done = *done || truth == Some(true);
                        }
                    }
                    "else" => {
                        if let Some((may, done)) = open.last_mut() {
                            *may = !*done;
                        }
                    }
                    "endif" | "endfor" => {
                        open.pop();
                    }
                    _ => {}
                }
            }
            Piece::Text(_) | Piece::Expression(_) => {}
        }
    }
}

/// The flags in a part of a unit: words that begin with `-` and a letter.
fn take(text: &str, flags: &mut Vec<String>) {
    for line in text.lines() {
        // Other keys of a unit have dashes of their own: ExecReload=/bin/kill -s HUP $MAINPID.
        let key = line
            .split_once('=')
            .map(|(key, _)| key)
            .filter(|key| key.chars().all(|c| c.is_ascii_alphabetic()));
        if key.is_some_and(|key| !matches!(key, "" | "ExecStart" | "Environment")) {
            continue;
        }
        // The first flag may stand right behind the variable's name: "DOCKER_OPTS=--iptables=false".
        let bare = |word: &'_ str| -> usize {
            let name = word.find(|c: char| !c.is_ascii_uppercase() && c != '_').unwrap_or(0);
            if name > 0 && word[name..].starts_with('=') { name + 1 } else { 0 }
        };
        let words = line.split([' ', '\t', '"', '\\']).map(|word| &word[bare(word)..]);
        let words = words.filter(|word| word.starts_with('-'));
        let is_flag =
            |word: &&str| word.trim_start_matches('-').starts_with(|c: char| c.is_ascii_alphabetic());
        flags.extend(words.filter(is_flag).map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::keys;
    use crate::inventory::RoleVars;

    fn keys_of(templates: &[(&str, &str)], vars: &str) -> Vec<String> {
        let vars = RoleVars::of([(Path::new("defaults/main.yml"), vars)]).expect("variables");
        let templates: Vec<(&str, String)> =
            templates.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        keys(&templates, &vars)
    }

    #[test]
    fn flags_count_where_they_are_written_or_may_be() {
        let options = "[Service]\nEnvironment=\"DOCKER_OPTS={{ docker_options|default('') }} --iptables={{ x }} \\\n\
                       {% for i in registries %}--registry-mirror={{ i }} {% endfor %}\\\n\
                       {% if version is version('17.05', '<') %}--graph={% else %}--data-root={% endif %}{{ graph }} \\\n\
                       {% if ansible_os_family not in [\"Suse\"] %}{{ log_opts }}{% endif %} \\\n\
                       {% if ansible_facts['os_family'] == \"RedHat\" %}--add-runtime a=b{% elif true %}-D{% else %}--label x{% endif %}\"\n";
        let vars = "x: 'false'\nregistries: []\ngraph: /var\nlog_opts: --log-opt max-size=50m\nresolvconf_mode: none\n";
        let dns = "Environment=\"DOCKER_DNS_OPTIONS={% for d in unknown %}--dns {{ d }} {% endfor %}\"\n";
        let templates = [("docker-options.conf.j2", options), ("docker-dns.conf.j2", dns)];
        assert_eq!(keys_of(&templates, vars), ["data-root", "debug", "iptables", "log-opts"]);
        let vars = vars.replace("[]", "[a]").replace("none", "docker_dns") + "docker_options: -s overlay2\n";
        let wanted =
            ["data-root", "debug", "dns", "iptables", "log-opts", "registry-mirrors", "storage-driver"];
        assert_eq!(keys_of(&templates, &vars), wanted);
    }

    #[test]
    fn other_dashes_in_a_unit_are_no_flags() {
        let unit = "[Service]\nExecReload=/bin/kill -s HUP $MAINPID\nExecStart={{ bin }}/dockerd \\\n          $DOCKER_OPTS -- - -1 \\\n          \
                    --live-restore\n";
        assert_eq!(keys_of(&[("docker.service.j2", unit)], ""), ["live-restore"]);
    }
}
