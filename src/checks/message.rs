//! A check's texts with the facts filled in: its message, a sentence (else the facts by themselves), and its remediation, lines
//! of which some are commands.

use std::borrow::Cow;
use std::collections::BTreeMap;

use minijinja::value::Value as Jinja;
use minijinja::value::ValueKind;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde_json::Value;

use super::error::nearest;
use super::message_limits::{self, Bounded};
use super::meter;
use super::types::Type;
use super::verdict::Found;
use super::vocabulary::Vocabulary;
use crate::facts::{Fact, Reading};

/// The longest message, in characters: what hosts say is theirs to make long. Reports for people shorten it further.
const LONGEST: usize = 8000;

/// A template of a check file, compiled.
#[derive(Debug)]
pub(super) struct Message {
    kind: Kind,
    environment: Environment<'static>,
    /// The fields that the template names, by subject; all of a subject where there are none.
    named: BTreeMap<String, Option<Vec<String>>>,
}

/// What a template comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One sentence: line ends are blanks.
    Sentence,
    /// Lines that people paste into a shell: what is filled in is one word to it.
    Lines,
}

/// The template's name within its own environment.
const NAME: &str = "message";

impl Message {
    /// Compiles the template of a message.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub(super) fn compile(template: &str, vocabulary: &Vocabulary) -> Result<Message, (String, String)> {
        lint(template, vocabulary, Kind::Sentence)?;
        Message::parse(template, Kind::Sentence).map_err(|error| (error.to_string(), String::new()))
    }

    /// Compiles the template of a remediation; `None` where nothing is to be filled in.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub(super) fn compile_lines(
        template: &str,
        vocabulary: &Vocabulary,
    ) -> Result<Option<Message>, (String, String)> {
        if !["{{", "{%", "{#"].iter().any(|mark| template.contains(mark)) {
            return Ok(None);
        }
        lint(template, vocabulary, Kind::Lines)?;
        let lines =
            Message::parse(template, Kind::Lines).map_err(|error| (error.to_string(), String::new()))?;
        match lines.fill_in(|_, _| None) {
            Ok(_) => Ok(Some(lines)),
            Err(error) => {
                let help = "it is shown where nothing is known, too: write `(docker.runtimes or [])`, or guard it with `if`";
                Err((error.to_string(), help.to_owned()))
            }
        }
    }

    /// Another remediation with the same names as this one.
    pub(super) fn with_lines(&self, template: &str) -> Option<Message> {
        Message::parse(template, self.kind).ok()
    }

    /// The text where nothing is known.
    pub(super) fn generic(&self) -> String {
        self.fill_in(|_, _| None).unwrap_or_default()
    }

    fn parse(template: &str, kind: Kind) -> Result<Message, minijinja::Error> {
        let mut environment = environment(kind);
        environment.add_template_owned(NAME, template.to_owned())?;
        let mut named = BTreeMap::new();
        for path in environment.get_template(NAME)?.undeclared_variables(true) {
            let mut steps = path.split('.').map(str::to_owned);
            let fields = named.entry(steps.next().unwrap_or_default()).or_insert(Some(Vec::new()));
            match (&mut *fields, steps.next()) {
                (Some(fields), Some(field)) if fields.contains(&field) => {}
                (Some(fields), Some(field)) => fields.push(field),
                (_, _) => *fields = None,
            }
        }
        Ok(Message { kind, environment, named })
    }

    /// What the template names: a subject's field, or all of a subject.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.named.iter().flat_map(|(subject, fields)| {
            let whole = fields.is_none().then_some((subject.as_str(), None));
            let fields = fields.iter().flatten().map(|field| (subject.as_str(), Some(field.as_str())));
            whole.into_iter().chain(fields)
        })
    }

    /// Fills the template in with what `value` says of a subject's field (or of all of a subject); `None` where
    /// it cannot be filled in.
    pub(super) fn render(&self, value: impl Fn(&str, Option<&str>) -> Option<Jinja>) -> Option<String> {
        self.fill_in(value).ok()
    }

    fn fill_in(
        &self,
        value: impl Fn(&str, Option<&str>) -> Option<Jinja>,
    ) -> Result<String, minijinja::Error> {
        let told = self.named.iter().filter_map(|(subject, fields)| {
            let told = match fields {
                None => value(subject, None)?,
                Some(fields) => {
                    let named = fields.iter().map(|field| (field.as_str(), value(subject, Some(field))));
                    named.filter_map(|(field, told)| Some((field, told?))).collect()
                }
            };
            Some((subject.as_str(), told))
        });
        let context = Jinja::from_iter(told);
        meter::begin_message();
        let mut text = Bounded::template();
        self.environment.get_template(NAME)?.render_captured_to(context, &mut text)?;
        let text = text.into_text();
        Ok(match self.kind {
            Kind::Sentence => shorten(sentence(&text)),
            Kind::Lines => text.trim().to_owned(),
        })
    }
}

/// A text in one line.
fn sentence(text: &str) -> String {
    let mut sentence = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !sentence.is_empty() {
            sentence.push(' ');
        }
        sentence.push_str(word);
    }
    sentence
}

/// Looks a template over.
///
/// # Errors
/// What is wrong with it, and what to do.
fn lint(template: &str, vocabulary: &Vocabulary, kind: Kind) -> Result<(), (String, String)> {
    let environment = environment(kind);
    let parsed = environment.template_from_str(template).map_err(|error| {
        let detail = error.detail().unwrap_or("the template cannot be read").to_owned();
        let mut help =
            "it is a minijinja template: `{{ subject.field }}`, `{% if %}`, `{% for %}`".to_owned();
        if kind == Kind::Lines {
            help += "; braces that are meant for a program go between `{% raw %}` and `{% endraw %}`";
        }
        (detail, help)
    })?;
    if slices(template) {
        // minijinja does not tell the names within a slice, and nothing would be filled in for them.
        let help = "write it without: a message is cut at its end anyway, and `loop.index` counts".to_owned();
        return Err(("a message has no slices (`[:9]`)".to_owned(), help));
    }
    let is_number = |path: &str| {
        let mut steps = path.split('.');
        let root = steps.next().and_then(|root| vocabulary.get(root));
        let of = steps.try_fold(root, |of, step| match of {
            Some(Type::Object(fields)) => Some(fields.get(step)),
            _ => None,
        });
        matches!(of.flatten(), Some(Type::Int | Type::Double))
    };
    message_limits::lint(template, &is_number)?;
    let mut paths: Vec<String> = parsed.undeclared_variables(true).into_iter().collect();
    paths.sort();
    for path in paths {
        let mut steps = path.split('.');
        let mut of: Option<Type> = None;
        for step in &mut steps {
            let (found, names): (Option<Type>, Vec<String>) = match &of {
                None => (vocabulary.get(step).cloned(), vocabulary.names().map(str::to_owned).collect()),
                Some(Type::Object(fields)) => (fields.get(step).cloned(), fields.keys().cloned().collect()),
                Some(_) => break,
            };
            if found.is_none() && !(of.is_none() && is_global(&environment, step)) {
                let near = nearest(step, names.iter().map(String::as_str)).map_or_else(
                    || format!("there are: {}", names.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                return Err((format!("`{path}` does not exist: there is no `{step}`"), near));
            }
            of = found.or(Some(Type::Any));
        }
    }
    // Filters and tests are looked up when they are used; nothing is known here, so every value is `unknown`.
    meter::begin_message();
    match environment.render_str(template, ()) {
        Err(error) if matches!(error.kind(), ErrorKind::OutOfFuel) => Err((
            format!(
                "the template takes more than {} steps where nothing is known",
                message_limits::MOST_INSTRUCTIONS
            ),
            "a message is a sentence: leave loops over numbers away".to_owned(),
        )),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction
            ) =>
        {
            let detail = error.detail().unwrap_or_default().to_owned();
            Err((detail, "minijinja's own filters are there: join, length, default, first, …".to_owned()))
        }
        _ => Ok(()),
    }
}

fn is_global(environment: &Environment<'_>, name: &str) -> bool {
    environment.globals().any(|(global, _)| global == name)
}

/// Whether an expression of a template takes a slice: brackets with a colon that is no text's and no mapping's.
fn slices(template: &str) -> bool {
    let mut open: Vec<char> = Vec::new();
    let mut quote = None;
    for c in template.chars() {
        match (quote, c) {
            (Some(mark), _) if c == mark => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if open.contains(&'{') => quote = Some(c),
            (None, '{' | '[' | '(') => open.push(c),
            (None, '}' | ']' | ')') => _ = open.pop(),
            (None, ':') if open.last() == Some(&'[') && open.contains(&'{') => return true,
            (None, _) => {}
        }
    }
    false
}

/// What a template is filled in with: an unknown fact prints `unknown`, an absent one `none`, lists and maps as
/// compact JSON.
fn environment(kind: Kind) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    match kind {
        Kind::Sentence => environment
            .set_formatter(|out, _, value| out.write_str(&word(value)?).map_err(minijinja::Error::from)),
        Kind::Lines => {
            environment.set_trim_blocks(true);
            environment.set_lstrip_blocks(true);
            environment.set_formatter(|out, _, value| {
                out.write_str(&shell_word(&word(value)?)).map_err(minijinja::Error::from)
            });
        }
    }
    environment.add_filter("join", |list: Jinja, between: Option<String>| {
        let between = between.unwrap_or_default();
        let mut joined = String::new();
        for (at, item) in list.try_iter()?.enumerate() {
            let word = word(&item)?;
            message_limits::pay(between.len() + word.len())?;
            joined.push_str(if at > 0 { &between } else { "" });
            joined.push_str(&word);
        }
        Ok::<_, minijinja::Error>(joined)
    });
    message_limits::bound(&mut environment);
    environment
}

/// A value as people write it.
fn word(value: &Jinja) -> Result<Cow<'_, str>, minijinja::Error> {
    Ok(match value.kind() {
        ValueKind::Undefined => "unknown".into(),
        ValueKind::None => "none".into(),
        ValueKind::Bool => if value.is_true() { "true" } else { "false" }.into(),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => {
            let mut text = Bounded::value();
            serde_json::to_writer(&mut text, value).map_err(|error| {
                minijinja::Error::new(ErrorKind::BadSerialization, "a value cannot be written")
                    .with_source(error)
            })?;
            text.into_text().into()
        }
        _ => value.as_str().map_or_else(|| value.to_string().into(), Cow::Borrowed),
    })
}

/// A value as one word of a shell's command line: what hosts say must not become a command.
fn shell_word(value: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@%+=".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.into();
    }
    let shown: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("'{}'", shown.replace('\'', "'\\''")).into()
}

/// One fact as the template sees it: an unknown one is undefined.
pub(super) fn value(fact: &Fact<Value>) -> Option<Jinja> {
    match &fact.reading {
        Reading::Known(value) => Some(Jinja::from_serialize(value)),
        Reading::Absent => Some(Jinja::from(())),
        Reading::Unknown(_) => None,
    }
}

/// The facts by themselves: `docker.default_runtime is runc`.
pub(super) fn plain(found: &[Found]) -> String {
    let told = found.iter().filter(|found| !found.fact.starts_with("params.")).map(|found| {
        let value = match &*found.value {
            Value::Null => "none".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        format!("{} is {value}", found.fact)
    });
    shorten(told.collect::<Vec<_>>().join(", "))
}

/// Cuts a text that is too long between two words, and says how much is left out.
fn shorten(text: String) -> String {
    let Some((end, _)) = text.char_indices().nth(LONGEST) else { return text };
    let end = text[..end].rfind(' ').unwrap_or(end);
    let omitted = text[end..].chars().count();
    format!("{} … ({omitted} characters omitted)", &text[..end])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(template: &str) -> String {
        let fact = |value| Fact::known(value, "a test");
        let fields: BTreeMap<String, Fact<Value>> = [
            ("yes", fact(json!(true))),
            ("no", fact(json!(false))),
            ("text", fact(json!("a <b> & 'c'"))),
            ("list", fact(json!(["a", null, true, 1, 2.5]))),
            ("map", fact(json!({"k": ["v"], "n": null}))),
            ("whole", fact(json!(3))),
            ("double", fact(json!(3.0))),
            ("absent", Fact::absent("a test")),
            ("lost", Fact::unknown("no reason", "a test")),
        ]
        .map(|(name, fact)| (name.to_owned(), fact))
        .into();
        let message = Message::parse(template, Kind::Sentence).expect("it parses");
        message.render(|_, field| value(fields.get(field?)?)).expect("it renders")
    }

    #[test]
    fn values_are_shown_as_people_write_them() {
        for (template, wanted) in [
            ("{{ f.yes }} {{ f.no }}", "true false"),
            ("{{ f.absent }}", "none"),
            ("{{ f.lost }} {{ f.lost.deeper }} {{ f.nowhere }}", "unknown unknown unknown"),
            ("{{ f.list }}", r#"["a",null,true,1,2.5]"#),
            ("{{ f.map }}", r#"{"k":["v"],"n":null}"#),
            ("{{ f.map.k }} {{ f.map.n }}", r#"["v"] none"#),
            ("{{ f.list | join(', ') }}", "a, none, true, 1, 2.5"),
            ("{{ f.whole }} {{ f.double }}", "3 3.0"),
            ("{{ f.text }}", "a <b> & 'c'"),
            ("{% for item in f.list %}{{ item }};{% endfor %}", "a;none;true;1;2.5;"),
            ("{% if f.absent == none %}nothing{% endif %}", "nothing"),
        ] {
            assert_eq!(shown(template), wanted, "{template}");
        }
    }

    #[test]
    fn a_name_that_does_not_exist_is_a_mistake() {
        let vocabulary = Vocabulary::host(&[("registries".to_owned(), json!(["a"]))].into());
        for (template, near) in [
            ("{{ docker.runing }}", "did you mean `running`?"),
            ("{{ dokcer.running }}", "did you mean `docker`?"),
            ("{% for r in params.registrys %}{{ r }}{% endfor %}", "did you mean `registries`?"),
        ] {
            assert_eq!(
                lint(template, &vocabulary, Kind::Sentence).map_err(|(_, help)| help),
                Err(near.to_owned()),
                "{template}"
            );
        }
        assert!(lint("{{ docker.running | nofilter }}", &vocabulary, Kind::Sentence).is_err());
        assert!(lint("{{ docker.running", &vocabulary, Kind::Sentence).is_err());
        let sound = "{% for r in params.registries %}{{ r }} {{ loop.index }}{% endfor %}{% set x = 1 %}{{ x }} \
                     {{ docker.config['a'].b }} {{ docker.runtimes | join(', ') }}";
        assert_eq!(lint(sound, &vocabulary, Kind::Sentence), Ok(()));
    }

    #[test]
    fn a_remediation_keeps_its_lines_and_fills_in_single_words() {
        let vocabulary = Vocabulary::host(&BTreeMap::new());
        let template = "Look:\n    getent hosts {{ dns.looked_up or \"a.example\" }}\n\
                        {% if host.roles is undefined or \"k3s\" in (kubernetes.orchestrators or []) %}\n    \
                        uninstall k3s\n{% endif %}\nThen again.";
        let lines = Message::compile_lines(template, &vocabulary).expect("it is sound").expect("a template");
        assert_eq!(lines.generic(), "Look:\n    getent hosts a.example\n    uninstall k3s\nThen again.");
        let with = |name: &str, others: Value| {
            let told = lines.render(|subject, _| match subject {
                "dns" => Some(Jinja::from(name)),
                "host" => Some(Jinja::from_serialize(json!(["worker"]))),
                _ => Some(Jinja::from_serialize(&others)),
            });
            told.expect("it renders")
        };
        let plain = "Look:\n    getent hosts registry.k8s.io\nThen again.";
        assert_eq!(with("registry.k8s.io", json!([])), plain);
        assert!(with("x", json!(["k3s"])).contains("\n    uninstall k3s\n"));
        // What a host says stays one word, and in its line.
        for (said, shown) in [
            ("a;reboot\n    $(reboot)", "'a;reboot     $(reboot)'"),
            ("it's", "'it'\\''s'"),
            ("`id`", "'`id`'"),
        ] {
            assert_eq!(with(said, json!([])), plain.replace("registry.k8s.io", shown));
        }
    }

    #[test]
    fn a_remediation_that_is_no_template_stays_as_it_is_and_a_broken_one_is_a_mistake() {
        let vocabulary = Vocabulary::host(&BTreeMap::new());
        let of = |template: &str| {
            Message::compile_lines(template, &vocabulary).map(|lines| lines.map(|lines| lines.generic()))
        };
        assert_eq!(of("curl -w '%{http_code}' x"), Ok(None));
        let raw = of("docker info --format {% raw %}'{{.Runtimes}}'{% endraw %}");
        assert_eq!(raw, Ok(Some("docker info --format '{{.Runtimes}}'".to_owned())));
        for (template, help) in [
            ("docker info --format '{{.Runtimes}}'", "{% raw %}"),
            ("{{ dns.loked_up }}", "did you mean `looked_up`?"),
            ("{{ dns.looked_up | length }}", "where nothing is known"),
        ] {
            let (_, told) = of(template).expect_err(template);
            assert!(told.contains(help), "{template}: {told}");
        }
    }
}
