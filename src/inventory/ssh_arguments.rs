//! The words that inventories put on ssh's command line, as ssh itself would understand them.

/// Flags of ssh that stand alone.
const ALONE: &str = "1246afgknqstvxACGKMNTVXYy";

/// Words for ssh's command line, and the options they stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshArguments {
    /// The words as they would be given to ssh.
    pub words: Vec<String>,
    /// The options in their order, as ssh_config(5) has them: the keyword in lowercase, and its value.
    /// Of one that has a single value the first counts.
    pub options: Vec<(String, String)>,
    /// `-F`: the only configuration file that is read; `none` for none.
    pub config_file: Option<String>,
    /// What makes no sense there.
    pub not_understood: Vec<String>,
}

impl SshArguments {
    /// Takes a text apart as Ansible does, with Python's `shlex.split`; the error is what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(Self::of_words(words(text)?))
    }

    /// Understands words that are apart already.
    pub fn of_words(words: Vec<String>) -> Self {
        let mut arguments = SshArguments { words, ..SshArguments::default() };
        let words = arguments.words.clone();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let Some(flags) = word.strip_prefix('-').filter(|flags| !flags.is_empty()) else {
                arguments.not_understood.push(word.clone());
                continue;
            };
            for (at, flag) in flags.char_indices() {
                if ALONE.contains(flag) {
                    arguments.alone(flag);
                    continue;
                }
                let rest = &flags[at + flag.len_utf8()..];
                let value = if rest.is_empty() { words.next().cloned() } else { Some(rest.to_owned()) };
                match value {
                    Some(value) => arguments.take(flag, value),
                    None => arguments.not_understood.push(word.clone()),
                }
                break;
            }
        }
        arguments
    }

    /// A shell line of ssh's words without these options, each told by its `-o`; a line that is not understood stays.
    pub fn line_without(line: &str, keywords: &[&str]) -> String {
        let Ok(words) = words(line) else { return line.to_owned() };
        let named = |option: &str| {
            let keyword = option.trim().split(|c: char| c == '=' || c.is_ascii_whitespace()).next();
            keyword.is_some_and(|keyword| keywords.iter().any(|known| known.eq_ignore_ascii_case(keyword)))
        };
        let mut kept: Vec<String> = Vec::new();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            if word == "-o" {
                match words.next() {
                    Some(option) if named(&option) => {}
                    Some(option) => kept.extend([word, option]),
                    None => kept.push(word),
                }
            } else if !word.strip_prefix("-o").is_some_and(named) {
                kept.push(word);
            }
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=@:,+%".contains(c);
        let quoted = kept.iter().map(|word| match !word.is_empty() && word.chars().all(plain) {
            true => word.clone(),
            false => format!("'{}'", word.replace('\'', r"'\''")),
        });
        quoted.collect::<Vec<_>>().join(" ")
    }

    /// These, and others behind them.
    pub fn and(mut self, others: SshArguments) -> Self {
        self.words.extend(others.words);
        self.options.extend(others.options);
        self.not_understood.extend(others.not_understood);
        self.config_file = others.config_file.or(self.config_file);
        self
    }

    /// The value of an option that has one; `None` where it is not set.
    pub fn option(&self, keyword: &str) -> Option<&str> {
        self.options.iter().find(|(known, _)| known == keyword).map(|(_, value)| value.as_str())
    }

    /// What is wrong with them; the words themselves are not told, apart from flags.
    pub fn complaint(&self) -> Option<String> {
        let first = self.not_understood.first()?;
        let flag: String = first.chars().take(2).collect();
        Some(match flag.starts_with('-') {
            true => format!("`{flag}` among ssh's arguments has no meaning here, or not the value it needs"),
            false => {
                "a word among ssh's arguments is no option, and ssh would take it for the host; is a quote \
                      missing?"
                    .to_owned()
            }
        })
    }

    fn alone(&mut self, flag: char) {
        match flag {
            '4' => self.option_is("addressfamily", "inet"),
            '6' => self.option_is("addressfamily", "inet6"),
            _ => {} // compression, verbosity, forwarding of X11 and agents: not how a host is reached
        }
    }

    fn take(&mut self, flag: char, value: String) {
        match flag {
            'o' => self.option_line(&value),
            'F' => self.config_file = Some(value),
            'J' => self.option_is("proxyjump", &value),
            'b' => self.option_is("bindaddress", &value),
            'B' => self.option_is("bindinterface", &value),
            'I' => self.option_is("pkcs11provider", &value),
            'i' => self.option_is("identityfile", &value),
            'l' => self.option_is("user", &value),
            'p' => self.option_is("port", &value),
            // Forwardings, ciphers, logs, the control socket: not how a host is reached.
            'c' | 'D' | 'E' | 'e' | 'L' | 'm' | 'R' | 'S' => {}
            _ => self.not_understood.push(format!("-{flag}")),
        }
    }

    /// `-o Keyword=value`, `-o "Keyword value"`.
    fn option_line(&mut self, line: &str) {
        let line = line.trim();
        let end = line.find(|c: char| c == '=' || c.is_ascii_whitespace()).unwrap_or(line.len());
        let (keyword, value) = line.split_at(end);
        let value = value.trim_start();
        let value = value.strip_prefix('=').unwrap_or(value).trim();
        // ssh takes quotes here too, apart from commands, which the shell sees.
        let quoted = (value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')))
            .filter(|_| !keyword.eq_ignore_ascii_case("ProxyCommand"));
        if keyword.is_empty() || value.is_empty() {
            self.not_understood.push(format!("-o {line}"));
        } else {
            self.option_is(&keyword.to_ascii_lowercase(), quoted.unwrap_or(value));
        }
    }

    fn option_is(&mut self, keyword: &str, value: &str) {
        self.options.push((keyword.to_owned(), value.to_owned()));
    }
}

/// Words as Python's `shlex.split(text)` has them, to which `#` means nothing.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => {
                let escaped = characters.next().ok_or("a backslash at its end")?;
                word.get_or_insert_default().push(escaped);
            }
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next().ok_or("a quote that is not closed")? {
                        end if end == c => break,
                        '\\' if c == '"' => match characters.next().ok_or("a quote that is not closed")? {
                            escaped @ ('"' | '\\') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        other => word.push(other),
                    }
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn options(text: &str) -> Vec<(String, String)> {
        SshArguments::parse(text).unwrap().options
    }

    #[test]
    fn flags_are_options_in_their_order() {
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(
            options("-C -o ProxyCommand='ssh -W \"%h:%p\" -q b' -oUser=a -p2222 -J u@j:22"),
            pairs(&[
                ("proxycommand", "ssh -W \"%h:%p\" -q b"),
                ("user", "a"),
                ("port", "2222"),
                ("proxyjump", "u@j:22")
            ])
        );
        assert_eq!(
            options("-Cvi /k -l x -o 'StrictHostKeyChecking no' -4o \"IdentityFile = '/a b'\""),
            pairs(&[
                ("identityfile", "/k"),
                ("user", "x"),
                ("stricthostkeychecking", "no"),
                ("addressfamily", "inet"),
                ("identityfile", "'/a b'")
            ])
        );
    }

    #[test]
    fn a_file_and_what_makes_no_sense_are_kept_apart() {
        let arguments = SshArguments::parse("-F /x#y -W a:b stray -o Port").unwrap();
        assert_eq!(arguments.config_file.as_deref(), Some("/x#y"));
        assert_eq!(arguments.not_understood, ["-W", "stray", "-o Port"]);
        assert!(SshArguments::parse("-o 'a").is_err() && SshArguments::parse("a\\").is_err());
    }

    #[test]
    fn options_are_taken_out_of_a_line() {
        for (line, kept) in [
            ("-o ControlMaster=auto -o UserKnownHostsFile=/dev/null -C", "-o ControlMaster=auto -C"),
            ("-oUserKnownHostsFile=/dev/null -o 'userknownhostsfile /x' -p 22", "-p 22"),
            ("-o ProxyCommand='ssh -W \"%h:%p\" b'", "-o 'ProxyCommand=ssh -W \"%h:%p\" b'"),
            ("-o 'not closed", "-o 'not closed"),
            ("-o", "-o"),
        ] {
            assert_eq!(SshArguments::line_without(line, &["userknownhostsfile"]), kept);
        }
    }

    #[test]
    fn a_flag_without_its_value_is_no_panic() {
        for text in ["-o", "-J", "-", "-é x", "-vo", ""] {
            let _ = SshArguments::parse(text).unwrap();
        }
    }
}

#[cfg(test)]
proptest::proptest! {
    #[test]
    fn no_text_is_a_panic(text in "[-a-zA-Z='\"\\\\ #é]{0,60}") {
        let _ = SshArguments::parse(&text);
    }
}
