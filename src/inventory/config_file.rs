//! `ansible.cfg` as a file: Python's configparser, strict and with `;` as inline comments, as Ansible sets it up. What it
//! refuses, Ansible does not start with.

use std::collections::HashMap;

use super::diagnostic::Diagnostic;
use super::source::{Mark, Source};

/// The section whose options count in every other one.
const DEFAULT: &str = "DEFAULT";

type Options = HashMap<String, String>;

/// The options of a file, by section.
#[derive(Default)]
pub(super) struct ConfigFile {
    sections: HashMap<String, Options>,
}

impl ConfigFile {
    /// Reads a file's text.
    pub(super) fn parse(source: &Source) -> Result<ConfigFile, Diagnostic> {
        let file = ConfigFile::default();
        let mut reader = Reader { source, file, section: None, option: None, indent: 0, refused: None };
        for (index, line) in source.text.split('\n').enumerate() {
            if let Err(complaint) = reader.line(index + 1, line) {
                return Err(reader.refused.unwrap_or(complaint));
            }
        }
        match reader.refused {
            Some(complaint) => Err(complaint),
            None => Ok(reader.file),
        }
    }

    /// An option's value.
    pub(super) fn get(&self, section: &str, option: &str) -> Option<&str> {
        let own = self.sections.get(section)?;
        let value = own.get(option).or_else(|| self.sections.get(DEFAULT)?.get(option));
        value.map(|value| value.trim_end())
    }
}

struct Reader<'a> {
    source: &'a Source,
    file: ConfigFile,
    section: Option<String>,
    /// The option that lines which are indented deeper go on with.
    option: Option<String>,
    indent: usize,
    /// The first line that is nothing: configparser reads on, and then refuses the file.
    refused: Option<Diagnostic>,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, line: &str) -> Result<(), Diagnostic> {
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        let code = code_of(line);
        let text = code.unwrap_or(line).trim();
        if text.is_empty() || line.trim().starts_with(['#', ';']) {
            // An empty line is a part of a value; one with a comment is not.
            if line.trim().is_empty()
                && let Some(value) = self.value()
            {
                value.push('\n');
            }
            return Ok(());
        }
        if indent > self.indent
            && let Some(value) = self.value()
        {
            value.push('\n');
            value.push_str(text);
            return Ok(());
        }
        self.indent = indent;
        let source = self.source;
        let complain = |message: &str, help: &str| {
            source.complain_of_syntax(Mark::new(number, indent + 1), message, help)
        };
        if let Some((name, _)) = text.strip_prefix('[').and_then(|rest| rest.rsplit_once(']'))
            && !name.is_empty()
        {
            if name != DEFAULT && self.file.sections.contains_key(name) {
                let message = format!("section `[{name}]` for the second time");
                return Err(complain(&message, "keep one of the two, with the options of both"));
            }
            self.file.sections.entry(name.to_owned()).or_default();
            self.section = Some(name.to_owned());
            self.option = None;
            return Ok(());
        }
        let Some(section) = &self.section else {
            let help = "begin with a section: `[defaults]`";
            return Err(complain("an option before the first section", help));
        };
        let option = text.split_once(['=', ':']).map(|(name, value)| (name.trim_end().to_lowercase(), value));
        let (name, value) = match option {
            Some((name, value)) if !name.is_empty() => (name, value),
            Some(_) => {
                let complaint = complain("an option without a name", "write `option = value`");
                self.refused.get_or_insert(complaint);
                return Ok(());
            }
            None => {
                let help = "write `[section]` or `option = value`";
                self.refused.get_or_insert(complain("neither a section nor an option", help));
                return Ok(());
            }
        };
        let options = self.file.sections.get(section);
        if options.is_some_and(|options| options.contains_key(&name)) {
            let message = format!("option `{name}` for the second time in `[{section}]`");
            return Err(complain(&message, "keep one of the two"));
        }
        let options = self.file.sections.entry(section.clone()).or_default();
        options.insert(name.clone(), value.trim().to_owned());
        self.option = Some(name);
        Ok(())
    }

    /// The value that may go on.
    fn value(&mut self) -> Option<&mut String> {
        let (section, option) = (self.section.as_ref()?, self.option.as_ref()?);
        self.file.sections.get_mut(section)?.get_mut(option)
    }
}

/// What stands before an inline comment, where there is one: a `;` at the beginning or behind a blank.
fn code_of(line: &str) -> Option<&str> {
    let begins = |at: &usize| line[..*at].chars().next_back().is_none_or(char::is_whitespace);
    line.match_indices(';').map(|(at, _)| at).find(begins).map(|at| &line[..at])
}

#[cfg(test)]
mod tests {

    use super::*;

    fn parse(text: &str) -> Result<ConfigFile, Diagnostic> {
        ConfigFile::parse(&Source::new("ansible.cfg", text))
    }

    #[test]
    fn what_configparser_reads_is_read() {
        let text = "# c\n; c\n[DEFAULT]\nforks: 7\nb = 1\n[defaults]\nA = x ; c\nb=y;z\n empty =\nc = one\n  two\n\n  # c\n  three # d\n\
                    \n[ssh_connection] # c\n\tssh_args = -o a=b\r\n[x]y]\nk=v\n[DEFAULT]\nz = 1\n";
        let file = match parse(text) {
            Ok(file) => file,
            Err(complaint) => panic!("{complaint}"),
        };
        for (section, option, value) in [
            ("defaults", "a", Some("x")),
            ("defaults", "b", Some("y;z\nempty =")),
            ("defaults", "c", Some("one\ntwo\n\nthree # d")),
            ("defaults", "forks", Some("7")),
            ("ssh_connection", "ssh_args", Some("-o a=b")),
            ("ssh_connection", "b", Some("1")),
            ("x]y", "k", Some("v")),
            ("defaults", "z", Some("1")),
            ("nothing", "forks", None),
            ("defaults", "k", None),
        ] {
            assert_eq!(file.get(section, option), value, "[{section}] {option}");
        }
    }

    #[test]
    fn what_configparser_refuses_is_refused_with_its_line() {
        for (text, place, message) in [
            ("[defaults]\nforks 5\n", (2, 1), "neither a section nor an option"),
            ("forks = 5\n", (1, 1), "before the first section"),
            ("\u{feff}[defaults]\n", (1, 1), "before the first section"),
            ("[defaults]\nforks = 5\n\n[defaults]\n", (4, 1), "`[defaults]` for the second time"),
            ("[defaults]\nforks = 5\nForks: 6\n", (3, 1), "`forks` for the second time in `[defaults]`"),
            ("[defaults]\n= 5\n", (2, 1), "without a name"),
            ("[]\n", (1, 1), "before the first section"),
            ("[defaults\nforks = 5\n", (1, 1), "before the first section"),
            ("[defaults]\nforks\n[defaults]\n", (2, 1), "neither"),
            ("[defaults]\n  oops\nforks = 5\n", (2, 3), "neither"),
            ("[a]\nx = 1\n<<<<<<< HEAD\ny = 1\n=======\ny = 2\n>>>>>>> b\n", (3, 1), "a merge conflict"),
        ] {
            let Err(complaint) = parse(text) else { panic!("read: {text}") };
            assert_eq!((complaint.line, complaint.column), place, "{text}: {complaint}");
            assert!(complaint.message.contains(message), "{text}: {complaint}");
        }
    }
}
