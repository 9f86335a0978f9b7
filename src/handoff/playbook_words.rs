//! The user's own words for `ansible-playbook`, behind `--`: they may say how the playbook runs, never which, nor what was
//! judged.

/// A flag of `ansible-playbook`: its long names, its letter, whether it takes a value, and what it has to do with the judgement.
type Flag = (&'static [&'static str], Option<char>, bool, Part);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// It says how the playbook runs.
    None,
    /// It decides what is judged, and there is a flag of this program for it.
    Judged,
    /// It decides what is judged, and this program has no flag for it: the inventory has to say it.
    InInventory(&'static str),
    /// Which hosts: once.
    Limit,
}

/// Those of ansible-core 2.11 to 2.20.
const FLAGS: [Flag; 38] = [
    (&["--inventory", "--inventory-file"], Some('i'), true, Part::Judged),
    (&["--extra-vars"], Some('e'), true, Part::Judged),
    (&["--user"], Some('u'), true, Part::Judged),
    (&["--private-key", "--key-file"], None, true, Part::Judged),
    (&["--vault-password-file", "--vault-pass-file"], None, true, Part::Judged),
    (&["--vault-id"], None, true, Part::Judged),
    (&["--ask-vault-password", "--ask-vault-pass"], Some('J'), false, Part::Judged),
    (&["--ask-pass"], Some('k'), false, Part::Judged),
    (&["--ask-become-pass"], Some('K'), false, Part::Judged),
    (&["--connection"], Some('c'), true, Part::InInventory("ansible_connection")),
    (&["--ssh-common-args"], None, true, Part::InInventory("ansible_ssh_common_args")),
    (&["--ssh-extra-args"], None, true, Part::InInventory("ansible_ssh_extra_args")),
    (&["--scp-extra-args"], None, true, Part::InInventory("ansible_scp_extra_args")),
    (&["--sftp-extra-args"], None, true, Part::InInventory("ansible_sftp_extra_args")),
    (&["--become-user"], None, true, Part::InInventory("ansible_become_user")),
    (&["--become-method"], None, true, Part::InInventory("ansible_become_method")),
    (
        &["--become-password-file", "--become-pass-file"],
        None,
        true,
        Part::InInventory("ansible_become_password"),
    ),
    (&["--connection-password-file", "--conn-pass-file"], None, true, Part::InInventory("ansible_password")),
    (&["--limit", "--subset"], Some('l'), true, Part::Limit),
    (&["--tags"], Some('t'), true, Part::None),
    (&["--skip-tags"], None, true, Part::None),
    (&["--start-at-task"], None, true, Part::None),
    (&["--forks"], Some('f'), true, Part::None),
    (&["--timeout"], Some('T'), true, Part::None),
    (&["--module-path"], Some('M'), true, Part::None),
    (&["--become"], Some('b'), false, Part::None),
    (&["--verbose"], Some('v'), false, Part::None),
    (&["--check"], Some('C'), false, Part::None),
    (&["--diff"], Some('D'), false, Part::None),
    (&["--help"], Some('h'), false, Part::None),
    (&["--version"], None, false, Part::None),
    (&["--syntax-check"], None, false, Part::None),
    (&["--list-hosts"], None, false, Part::None),
    (&["--list-tasks"], None, false, Part::None),
    (&["--list-tags"], None, false, Part::None),
    (&["--step"], None, false, Part::None),
    (&["--flush-cache"], None, false, Part::None),
    (&["--force-handlers"], None, false, Part::None),
];

/// Why words after `--` are refused, if they are.
pub fn refused(words: &[String], limit: Option<&str>) -> Option<String> {
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            if long.is_empty() {
                return Some("a second `--` stands there: what follows it would be playbooks".to_owned());
            }
            let (name, value) =
                long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            let flag = match long_flag(name) {
                Ok(flag) => flag,
                Err(reason) => return Some(reason),
            };
            if let Some(reason) = against(&format!("--{name}"), flag.3, limit) {
                return Some(reason);
            }
            if flag.2 && value.is_none() {
                words.next();
            }
            continue;
        }
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            return Some(format!(
                "`{word}` is no flag, so ansible-playbook would run it as another playbook; --stage says which one runs"
            ));
        };
        for (at, letter) in letters.char_indices() {
            let Some(flag) = FLAGS.iter().find(|flag| flag.1 == Some(letter)) else {
                return Some(format!("ansible-playbook has no flag -{letter} that is known here"));
            };
            if let Some(reason) = against(&format!("-{letter}"), flag.3, limit) {
                return Some(reason);
            }
            if flag.2 {
                if at + letter.len_utf8() == letters.len() {
                    words.next();
                }
                break;
            }
        }
    }
    None
}

/// The flag that a name means: argparse takes any beginning that fits one alone.
fn long_flag(name: &str) -> Result<&'static Flag, String> {
    let whole = format!("--{name}");
    if let Some(flag) = FLAGS.iter().find(|flag| flag.0.contains(&whole.as_str())) {
        return Ok(flag);
    }
    let fits = |flag: &&Flag| flag.0.iter().any(|known| known.starts_with(&whole));
    let mut fitting = FLAGS.iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(flag), None) => Ok(flag),
        (Some(_), Some(_)) => Err(format!("{whole} could be several flags: write it whole")),
        (None, _) => Err(format!("ansible-playbook has no flag {whole} that is known here")),
    }
}

fn against(flag: &str, part: Part, limit: Option<&str>) -> Option<String> {
    match part {
        Part::Judged => Some(format!("{flag} decides what is judged: give it before `--`")),
        Part::InInventory(variable) => Some(format!(
            "{flag} decides what is judged: say it in the inventory (`{variable}`), where both read it"
        )),
        Part::Limit if limit.is_some() => {
            Some(format!("{flag} stands there, and --limit before `--` already: keep one of them"))
        }
        Part::Limit | Part::None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses(words: &[&str], limit: Option<&str>) -> Option<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        refused(&words, limit)
    }

    #[test]
    fn what_decides_the_judgement_stands_before_the_dashes() {
        for words in [
            &["-i", "x"][..],
            &["-vvvi", "x"],
            &["--inventory-f=x"],
            &["-ekey=value"],
            &["--extra-vars", "a=b"],
            &["-uroot"],
            &["--key-f", "x"],
            &["--vault-password-file", "vp"],
            &["--vault-id=x@y"],
            &["-J"],
            &["-vK"],
            &["--ask-pass"],
        ] {
            assert!(refuses(words, None).is_some_and(|why| why.contains("before `--`")), "{words:?}");
        }
        for words in [
            &["--connection=local"][..],
            &["-clocal"],
            &["--ssh-common-args=-o User=x"],
            &["--ssh-c", "x"],
            &["--become-user=x"],
            &["--become-password-file", "x"],
        ] {
            assert!(refuses(words, None).is_some_and(|why| why.contains("inventory")), "{words:?}");
        }
        for words in [&["-l", "node4"][..], &["--limit=node4"], &["--lim", "x"], &["-vl", "x"]] {
            assert!(refuses(words, Some("node5")).is_some_and(|why| why.contains("keep one")), "{words:?}");
        }
    }

    #[test]
    fn no_other_playbook_runs_and_no_flag_is_guessed() {
        for words in [
            &["reset.yml"][..],
            &["-v", "reset.yml"],
            &["--tags", "a", "scale.yml"],
            &["-"],
            &["--step", "x"],
        ] {
            assert!(refuses(words, None).is_some_and(|why| why.contains("another playbook")), "{words:?}");
        }
        assert!(refuses(&["--", "x"], None).is_some_and(|why| why.contains("playbooks")));
        assert!(refuses(&["--frobnicate"], None).is_some_and(|why| why.contains("no flag")));
        assert!(refuses(&["-z"], None).is_some_and(|why| why.contains("no flag")));
        assert!(refuses(&["--list", "x"], None).is_some_and(|why| why.contains("several")));
    }

    #[test]
    fn how_the_playbook_runs_is_the_users_own() {
        for words in [
            &["-v"][..],
            &["-vvv", "--tags", "etcd"],
            &["--tags=reset.yml"],
            &["-tetcd"],
            &["-l", "node4"],
            &["--limit=node4"],
            &["-f", "50"],
            &["-CD"],
            &["--start-at-task", "Do it"],
            &["--flush-cache", "-b"],
        ] {
            assert_eq!(refuses(words, None), None, "{words:?}");
        }
    }
}
