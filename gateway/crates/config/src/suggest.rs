//! What was probably meant: the nearest of the words that there are.

/// The word that is alike enough to be meant.
pub(super) fn nearest<'a>(written: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    words
        .map(|word| (strsim::jaro_winkler(word, written), word))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

/// The end of a complaint: the nearest word, or all there are.
pub(super) fn hint<'a>(written: &str, words: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(written, words.clone()) {
        Some(word) => format!("; did you mean `{word}`?"),
        None => match words.collect::<Vec<_>>() {
            none if none.is_empty() => "; there is none".to_owned(),
            words => format!("; there are: {}", words.join(", ")),
        },
    }
}
