//! How Python writes values as text.

use super::evaluate::Evaluation;
use super::made::{Text, TextBuilder};
use super::stop::{Stop, Yield};
use super::value::Val;

impl<'v> Evaluation<'v, '_> {
    /// Python's `str()`.
    pub(super) fn str_of(&mut self, value: &Val<'v>) -> Yield<Text> {
        match value {
            Val::Text(text) => Ok(text.clone()),
            other => {
                let mut text = TextBuilder::default();
                self.repr(other, &mut text)?;
                Ok(text.finish())
            }
        }
    }

    /// Python's `repr()`; every part is templated by now.
    fn repr(&mut self, value: &Val<'v>, into: &mut TextBuilder) -> Yield<()> {
        match value {
            Val::Undefined(name) => Err(Stop::undefined(name)),
            Val::Null => into.push(self, "None"),
            Val::Bool(true) => into.push(self, "True"),
            Val::Bool(false) => into.push(self, "False"),
            Val::Int(number) => into.push(self, &number.to_string()),
            Val::Big(digits) => into.push(self, digits),
            Val::Float(float) => into.push(self, &float_text(*float)),
            Val::Text(text) => self.quoted(text, into),
            Val::List(items) => {
                into.push(self, "[")?;
                for (at, item) in items.iter().enumerate() {
                    into.push(self, if at > 0 { ", " } else { "" })?;
                    self.repr(item, into)?;
                }
                into.push(self, "]")
            }
            Val::Map(map) => {
                into.push(self, "{")?;
                for (at, (key, item)) in map.in_order()?.iter().enumerate() {
                    into.push(self, if at > 0 { ", " } else { "" })?;
                    self.quoted(key, into)?;
                    into.push(self, ": ")?;
                    self.repr(item, into)?;
                }
                into.push(self, "}")
            }
            Val::Raw(..) | Val::Hostvars | Val::Groups | Val::Host(_) | Val::Facts(_) | Val::Omit => {
                Err(Stop::undecidable(format!("{} as a text", value.kind())))
            }
        }
    }

    fn quoted(&mut self, text: &str, into: &mut TextBuilder) -> Yield<()> {
        let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
        let mark = quote.encode_utf8(&mut [0; 4]).to_owned();
        into.push(self, &mark)?;
        let mut plain = 0;
        let special = text.char_indices().filter(|(_, c)| *c == quote || *c == '\\' || c.is_control());
        for (at, c) in special {
            into.push(self, &text[plain..at])?;
            plain = at + c.len_utf8();
            match c {
                '\n' => into.push(self, "\\n")?,
                '\r' => into.push(self, "\\r")?,
                '\t' => into.push(self, "\\t")?,
                c if c.is_control() => into.push(self, &format!("\\x{:02x}", u32::from(c)))?,
                c => into.push(self, &format!("\\{c}"))?,
            }
        }
        into.push(self, &text[plain..])?;
        into.push(self, &mark)
    }
}

/// A float as Python writes it: `1.0`, `1e+22`, `1e-07`.
pub(super) fn float_text(float: f64) -> String {
    if !float.is_finite() {
        let name = if float.is_nan() { "nan" } else { "inf" };
        return format!("{}{name}", if float < 0.0 { "-" } else { "" });
    }
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = float.to_string();
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
