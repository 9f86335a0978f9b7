//! Whether a product is the model that somebody promised.

/// The most words of a name that are compared: products have up to eight.
const MOST_WORDS: usize = 32;

/// `V100-32GB` is a `Tesla V100-SXM2-32GB`, `teslak80` a `Tesla K80`; `A10` is no `A100`. Words count, whatever
/// their case and what stands between them.
pub(crate) fn same_model(name: &str, promised: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let lower = text.to_lowercase();
        let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
        words.take(MOST_WORDS).map(str::to_owned).collect()
    };
    let (name, promised) = (words(name), words(promised));
    let joined = promised.concat();
    let is_run =
        || (0..name.len()).any(|from| (from..name.len()).any(|to| name[from..=to].concat() == joined));
    !promised.is_empty() && (promised.iter().all(|word| name.contains(word)) || is_run())
}
