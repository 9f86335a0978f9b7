//! YAML documents read as PyYAML reads them for Ansible: fixtures/yaml/documents.json has documents with the answers that
//! were once given, and where tests/support/ansible.rs finds an `ansible-inventory`, its PyYAML is asked about documents made
//! at random. `AIRWORTHY_DOCUMENTS=100000` makes more of them.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[path = "support/ansible.rs"]
#[allow(dead_code)]
mod ansible;
#[path = "support/differences.rs"]
mod differences;
#[allow(dead_code)] // each test binary uses a part of it
#[path = "support/environment.rs"]
mod environment;

use std::path::Path;

use airworthy::inventory::{Diagnostic, read_yaml};
use ansible::{answers, programs};
use differences::differences;
use serde_json::Value;

fn read(text: &str) -> Result<Value, Diagnostic> {
    let value = read_yaml(Path::new("document"), text)?;
    Ok(bare(value))
}

/// Without the marks of `!unsafe`, and integers beyond 64 bits as the answers have them.
fn bare(value: Value) -> Value {
    match value {
        Value::Object(mut map) if map.len() == 1 && map.contains_key("__ansible_unsafe") => {
            map["__ansible_unsafe"].take()
        }
        Value::Object(map) if map.len() == 1 && map.contains_key("__ansible_integer") => {
            format!("int:{}", map["__ansible_integer"].as_str().unwrap()).into()
        }
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, bare(value))).collect(),
        Value::Array(items) => items.into_iter().map(bare).collect(),
        other => other,
    }
}

/// In what our reading differs from an answer of fixtures/yaml/read.py.
fn difference(text: &str, answer: &Value) -> Option<String> {
    let found = match (read(text), answer.get("value")) {
        _ if answer.get("other").is_some() => return None,
        (Ok(ours), Some(theirs)) => {
            let mut found = Vec::new();
            differences("", &ours, theirs, &mut found);
            found.join("; ")
        }
        (Err(_), None) => return None,
        (Ok(ours), None) => format!("{ours}, and it is refused"),
        (Err(complaint), Some(theirs)) => format!("{complaint} instead of {theirs}"),
    };
    (!found.is_empty()).then(|| format!("{text:?}: {found}"))
}

#[test]
fn documents_read_as_pyyaml_once_read_them() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/yaml/documents.json");
    let cases: Vec<(String, Value)> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let wrong: Vec<String> = cases.iter().filter_map(|(text, answer)| difference(text, answer)).collect();
    let refused = cases.iter().filter(|(_, answer)| answer.get("refused").is_some()).count();
    assert!(cases.len() >= 300 && refused >= 80, "{} documents, {refused} refused", cases.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn documents_read_as_the_pyyaml_here_reads_them() {
    let count = environment::variable("AIRWORTHY_DOCUMENTS");
    let count = count.and_then(|count| count.to_str()?.parse().ok()).unwrap_or(3000);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/yaml/read.py");
    for program in programs() {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let texts: Vec<String> = (0..count).map(|_| random.document()).collect();
        let answers: Vec<Value> =
            answers(environment::ansible_command(program.interpreter()).arg(&script), &texts);
        let pairs = texts.iter().zip(&answers);
        let wrong: Vec<String> = pairs.filter_map(|(text, answer)| difference(text, answer)).collect();
        let path = program.path.display();
        assert_eq!(answers.len(), count, "{path}");
        assert!(wrong.is_empty(), "{path}: {} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    }
}

#[test]
fn complaints_stand_where_the_mistake_is() {
    for (text, line, column) in [
        ("a: 1\nb: {c: \"1\",\nd: e\nf: 2\n", 4, 2),
        ("a: 1\nb: {c: \"1\",\n", 2, 4),
        ("a: \"x\ny\nb: 1\n", 1, 4),
        ("a: 'x\n---\n", 1, 4),
        ("a:\t1\nb: c: d\n", 2, 5),
        ("é: \"ü\" x\n", 1, 8),
        ("a: [1,\n2]]\n", 2, 3),
        ("a: 1\r\nb: [\r\n1\r\n}\r\n", 4, 1),
        ("key\nb: 1\n", 2, 2),
        ("a: 1\nkey\nb: 1\n", 2, 1),
        ("a: \"\\q\"\n", 1, 5),
        ("a: *b\n", 1, 4),
        ("a: &b 1\nc: &b 2\n", 2, 4),
        ("a: 1\n\tb: 2\n", 2, 1),
        ("a: |\n x\n\ty\n", 3, 1),
        ("a: !x!y z\n", 1, 4),
        ("%YAML 2.0\n--- a\n", 1, 1),
        ("a: @b\n", 1, 4),
        ("a: 1\n b: 2\n", 2, 3),
        ("- a\nb: 1\n", 2, 1),
    ] {
        let complaint = read(text).expect_err(text);
        assert_eq!((complaint.line, complaint.column), (line, column), "{text:?}: {complaint}");
        assert!(complaint.offset <= text.len() && text.is_char_boundary(complaint.offset), "{text:?}");
    }
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn of<'a, T>(&mut self, choice: &'a [T]) -> &'a T {
        &choice[self.below(choice.len())]
    }

    /// A few pieces, or a sound document with a few mistakes in it.
    fn document(&mut self) -> String {
        if self.below(4) == 0 {
            return (0..=self.below(8)).map(|_| *self.of(PIECES)).collect();
        }
        let mut text: Vec<char> = self.of(DOCUMENTS).chars().collect();
        for _ in 0..=self.below(2) {
            let at = self.below(text.len() + 1);
            let next = |wanted: char| text[at..].iter().position(|c| *c == wanted).map(|found| at + found);
            match (self.below(6), next(' '), next('\n')) {
                (0, Some(blank), _) => drop(text.remove(blank)),
                (1, Some(blank), _) => text[blank] = *self.of(&['\t', '\n', '#', ':']),
                (2, _, Some(end)) => {
                    let indent = " ".repeat(self.below(4)) + *self.of(&["", "", "\t"]);
                    text.splice(end + 1..end + 1, indent.chars());
                }
                (3, _, _) => drop(text.drain(at..(at + self.below(6)).min(text.len()))),
                _ => drop(text.splice(at..at, self.of(PIECES).chars())),
            }
        }
        text.into_iter().collect()
    }
}

/// What scanners stumble over.
const PIECES: &[&str] = &[
    "a",
    "key",
    "1",
    "0x1f",
    "yes",
    "~",
    "1.5",
    "2001-01-01",
    "'q'",
    "\"q\"",
    "'",
    "\"",
    "''",
    "\\",
    "\\n",
    "\\\n",
    "\\x41",
    "\\u00e9",
    ":",
    ": ",
    ":\t",
    ":\n",
    " :",
    "-",
    "- ",
    "-\t",
    "-\n",
    "? ",
    "?",
    ",",
    ", ",
    ",\n",
    "[",
    "]",
    "{",
    "}",
    "[]",
    "{}",
    "[\n",
    "\n]",
    "{\n",
    "\n}",
    "&x ",
    "&y",
    "*x",
    "*y ",
    "!",
    "! ",
    "!!str ",
    "!!int ",
    "!!map",
    "!!seq ",
    "!foo ",
    "!<tag:yaml.org,2002:str> ",
    "<<: ",
    "<<",
    "=",
    "|",
    ">",
    "|\n",
    ">-\n",
    "|+\n",
    "|2\n",
    ">1-\n",
    "|-2\n",
    "#",
    " #",
    "# c",
    " # c\n",
    "\t# c",
    "\n",
    "\n",
    "\n\n",
    "\n ",
    "\n  ",
    "\n    ",
    "\n\t",
    " ",
    "  ",
    "\t",
    " \t",
    "---",
    "---\n",
    "--- ",
    "\n---\n",
    "...",
    "\n...\n",
    "%YAML 1.1\n",
    "%TAG ! tag:x,2000:\n",
    "%",
    "@",
    "`",
    "\r\n",
    "\r",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "é",
    "a: ",
    "b: ",
    "a: 1",
    "b:\n",
    "c: [",
    "d: {",
    "- a",
    "e: '",
    "f: \"",
    "g: |\n",
    "h: >\n  ",
    "i: &x ",
    "j: *x",
    "18446744073709551616",
    "1:30",
];

const DOCUMENTS: &[&str] = &[
    "all:\n  hosts:\n    n1:\n      ansible_host: 10.0.0.1\n  children:\n    kube_node:\n      hosts: {n1: }\n",
    "a: [1, 2,\n  {b: c}]\nd: \"x y\n  z\"\ne: 'it''s\n  so'\n",
    "k: |\n  one\n   two\n\n  three\nf: >-\n  a\n  b\n\n  c\nz: 1\n",
    "---\n# c\nx: &a {p: 1, q: [r, s]}\ny: *a\nz: {<<: *a, p: 2}\n...\n",
    "- a\n- - b\n  - c\n- d: 1\n  e: 2\n-\n  f\n",
    "u: \"{{ x |\n  d('y') }}\"\nv: '{{ z }}'\nw: yes\nt: 0644\n",
    "? key\n: value\n? long key\n: 1\nk: v\n",
    "a:\n- 1\n- 2\nb:\n  - 3\nc: plain\n  more\n  and\nd: !!str 5\n",
    "{\"a\": 1, \"b\": [true, null, \"c\\u00e9\"], \"d\": {\"e\": 1.5}}\n",
    "m: {a: \"1\", b: [x,\n y\n ], c: {\n d: e}\n }\nn: []\no: {}\n",
    "etcd:\n  vars:\n    opts: --a=b --c:d\n    url: http://x:80/#y # c\n    t: 12:30:45\n    p: a:b:c\n",
];
