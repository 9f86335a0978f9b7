//! Templates: text with expressions and statements in it.

use minijinja::machinery::ast::{Expr, Stmt};
use minijinja::machinery::{WhitespaceConfig, parse};

use super::evaluate::{Evaluation, Frame, Local};
use super::is_template;
use super::made::{ListBuilder, TextBuilder};
use super::stop::{Stop, Yield};
use super::value::Val;

/// Larger templates are none that an inventory holds.
const MAX_BYTES: usize = 64 * 1024;

impl<'v> Evaluation<'v, '_> {
    /// A text, templated if it is a template. One that is a single expression keeps the expression's type.
    pub(super) fn template(&mut self, text: &str, host: usize) -> Yield<Val<'v>> {
        if !is_template(text) {
            return self.text(text);
        }
        if text.len() > MAX_BYTES {
            return Err(Stop::undecidable("a template larger than 64 KiB"));
        }
        self.spend(text.len())?;
        let source = with_backslashes_kept(text)?;
        let whitespace =
            WhitespaceConfig { keep_trailing_newline: false, lstrip_blocks: false, trim_blocks: true };
        let parsed = parse(&source, "variable", Default::default(), whitespace).map_err(|error| {
            let detail = error.detail().unwrap_or("not understood").to_owned();
            Stop::undecidable(format!("a template that is not understood here ({detail})"))
        })?;
        let Stmt::Template(template) = &parsed else {
            return Err(Stop::undecidable("a template that is not understood here"));
        };
        let mut frame = Frame { host, locals: Vec::new() };
        let mut pieces = ListBuilder::default();
        self.deeper(|own| own.statements(&template.children, &mut frame, &mut pieces))?;
        match pieces.items() {
            [piece] => Ok(piece.clone()),
            pieces => self.join(pieces),
        }
    }

    /// The pieces as one text; `None` is nothing there, and what is undefined makes the whole undefined.
    fn join(&mut self, pieces: &[Val<'v>]) -> Yield<Val<'v>> {
        let mut text = TextBuilder::default();
        for piece in pieces {
            let piece = self.deep(piece.clone())?;
            match &piece {
                Val::Null => {}
                Val::Undefined(_) => return Ok(piece),
                piece => {
                    let written = self.str_of(piece)?;
                    text.push(self, &written)?;
                }
            }
        }
        Ok(Val::Text(text.finish()))
    }

    fn statements(
        &mut self,
        statements: &[Stmt<'_>],
        frame: &mut Frame<'v>,
        pieces: &mut ListBuilder<'v>,
    ) -> Yield<()> {
        for statement in statements {
            self.spend(1)?;
            match statement {
                Stmt::EmitRaw(raw) if raw.raw.is_empty() => {}
                Stmt::EmitRaw(raw) => {
                    let text = self.text(raw.raw)?;
                    pieces.push(self, text)?;
                }
                Stmt::EmitExpr(emit) => {
                    let value = self.evaluate(&emit.expr, frame)?;
                    pieces.push(self, value)?;
                }
                Stmt::IfCond(choice) => {
                    let holds = self.evaluate(&choice.expr, frame)?.is_true()?;
                    let body = if holds { &choice.true_body } else { &choice.false_body };
                    self.deeper(|own| own.statements(body, frame, pieces))?;
                }
                Stmt::Set(set) => {
                    let Expr::Var(target) = &set.target else {
                        return Err(Stop::undecidable("such a `set`"));
                    };
                    let value = self.evaluate(&set.expr, frame)?;
                    frame.locals.push((target.id.to_owned(), Local::Value(value)));
                }
                Stmt::ForLoop(turn) if !turn.recursive => {
                    let iterated = self.evaluate(&turn.iter, frame)?;
                    let items = self.items(&iterated)?;
                    let outside = frame.locals.len();
                    let mut chosen = Vec::new();
                    for item in items {
                        self.bind(&turn.target, item.clone(), frame)?;
                        let wanted = match &turn.filter_expr {
                            Some(filter) => self.evaluate(filter, frame)?.is_true()?,
                            None => true,
                        };
                        frame.locals.truncate(outside);
                        if wanted {
                            chosen.push(item);
                        }
                    }
                    if chosen.is_empty() {
                        self.deeper(|own| own.statements(&turn.else_body, frame, pieces))?;
                    }
                    let length = chosen.len();
                    for (at, item) in chosen.into_iter().enumerate() {
                        self.bind(&turn.target, item, frame)?;
                        frame.locals.push(("loop".to_owned(), Local::Position(at, length)));
                        self.deeper(|own| own.statements(&turn.body, frame, pieces))?;
                        frame.locals.truncate(outside);
                    }
                }
                _ => return Err(Stop::undecidable("a statement that is not supported here")),
            }
        }
        Ok(())
    }

    /// Gives a loop's item its name, or its parts their names.
    fn bind(&mut self, target: &Expr<'_>, item: Val<'v>, frame: &mut Frame<'v>) -> Yield<()> {
        match target {
            Expr::Var(var) => frame.locals.push((var.id.to_owned(), Local::Value(item))),
            Expr::List(names) => {
                let item = self.force(item)?;
                let parts = self.items(&item)?;
                if parts.len() != names.items.len() {
                    return Err(Stop::failed("a loop's names are not as many as its items' parts"));
                }
                for (name, part) in names.items.iter().zip(parts) {
                    self.bind(name, part, frame)?;
                }
            }
            _ => return Err(Stop::undecidable("such a loop")),
        }
        Ok(())
    }

    /// Jinja's `loop`.
    pub(super) fn position(&mut self, at: usize, length: usize) -> Yield<Val<'v>> {
        let parts = [
            ("index", Val::length(at + 1)),
            ("index0", Val::length(at)),
            ("revindex", Val::length(length - at)),
            ("revindex0", Val::length(length - at - 1)),
            ("first", Val::Bool(at == 0)),
            ("last", Val::Bool(at + 1 == length)),
            ("length", Val::length(length)),
        ];
        let mut entries = Vec::with_capacity(parts.len());
        for (name, value) in parts {
            entries.push((self.key(name)?, value));
        }
        self.mapping(entries, true)
    }
}

/// As Ansible: a backslash in a text of a `{{ … }}` is itself, not an escape.
fn with_backslashes_kept(text: &str) -> Yield<String> {
    if !text.contains('\\') {
        return Ok(text.to_owned());
    }
    let mut kept = String::with_capacity(text.len() + 8);
    let (mut inside, mut quote) = (false, None);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        kept.push(c);
        match (inside, quote, c) {
            (false, _, '{') if chars.peek() == Some(&'{') => inside = true,
            (true, None, '}') if chars.peek() == Some(&'}') => inside = false,
            (true, None, '"' | '\'') => quote = Some(c),
            (true, Some(open), c) if c == open => quote = None,
            (true, Some(_), '\\') => {
                if matches!(chars.peek(), Some('"' | '\'')) {
                    return Err(Stop::undecidable("a quote behind a backslash in a template"));
                }
                kept.push('\\');
            }
            _ => {}
        }
    }
    Ok(kept)
}
