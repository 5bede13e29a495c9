//! Reads the paths in tokens, and says them as they are from the root of a crate.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};

use super::source::{is_sign, is_word};

#[derive(Default)]
pub(super) struct Reader {
    /// The modules in which it reads.
    place: Vec<String>,
    /// What a name stands for that is declared or imported in the file.
    known: BTreeMap<String, Vec<String>>,
    found: BTreeSet<String>,
}

impl Reader {
    pub(super) fn in_module(place: Vec<String>) -> Self {
        Self { place, ..Self::default() }
    }

    /// All paths in these tokens.
    pub(super) fn all(mut self, tokens: TokenStream) -> BTreeSet<String> {
        let tokens: Vec<_> = tokens.into_iter().collect();
        self.declare(&tokens);
        self.read(&tokens, false);
        self.found
    }

    /// Learns the names of the modules and of what is imported, which may be used above. Modules that
    /// stand in the file are read for themselves.
    fn declare(&mut self, tokens: &[TokenTree]) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match (token, tokens.get(at)) {
                (TokenTree::Group(group), _) => {
                    self.declare(&group.stream().into_iter().collect::<Vec<_>>());
                }
                (word, Some(TokenTree::Ident(name))) if is_word(word, "mod") => {
                    let name = plain(&name.to_string());
                    let root = ["crate".to_owned()];
                    let path = [&root[..], &self.place, std::slice::from_ref(&name)].concat();
                    self.known.insert(name, path);
                    at += 1 + usize::from(matches!(tokens.get(at + 1), Some(TokenTree::Group(_))));
                }
                (word, _) if is_word(word, "use") => self.import(&statement(&tokens[at..]), &[]),
                _ => {}
            }
        }
    }

    /// One `use`, or a part of one.
    fn import(&mut self, tokens: &[TokenTree], before: &[String]) {
        for part in tokens.split(|token| is_sign(token, ',')) {
            let mut path = before.to_vec();
            let mut alias = None;
            let mut words = part.iter().peekable();
            while let Some(token) = words.next() {
                match token {
                    TokenTree::Ident(word) if word == "as" => alias = words.next().map(ToString::to_string),
                    TokenTree::Ident(word) if word == "self" && !path.is_empty() => {}
                    TokenTree::Ident(word) => path.push(plain(&word.to_string())),
                    TokenTree::Group(group) => {
                        let inner: Vec<_> = group.stream().into_iter().collect();
                        self.import(&inner, &path);
                        path.clear();
                    }
                    _ => {}
                }
            }
            let Some(last) = path.last().cloned() else { continue };
            let whole = self.whole(&path);
            self.found.insert(whole.join("::"));
            self.known.insert(alias.unwrap_or(last), whole);
        }
    }

    fn read(&mut self, tokens: &[TokenTree], in_attribute: bool) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                hash if is_sign(hash, '#') => {
                    at += usize::from(tokens.get(at).is_some_and(|token| is_sign(token, '!')));
                    if let Some(TokenTree::Group(attribute)) = tokens.get(at) {
                        let inner: Vec<_> = attribute.stream().into_iter().collect();
                        // What is said of something is no code.
                        if !inner.first().is_some_and(|first| is_word(first, "doc")) {
                            self.read(&inner, true);
                        }
                        at += 1;
                    }
                }
                TokenTree::Ident(word) if word == "use" => {
                    at += statement(&tokens[at..]).len();
                }
                TokenTree::Ident(word) if word == "mod" => self.enter(tokens, &mut at),
                TokenTree::Ident(_) => at = self.path(tokens, at - 1),
                TokenTree::Group(group) => {
                    self.read(&group.stream().into_iter().collect::<Vec<_>>(), in_attribute);
                }
                // `#[serde(with = "crate::…")]`
                TokenTree::Literal(literal) if in_attribute => {
                    let text = literal.to_string();
                    let inner = text.trim_matches('"').parse::<TokenStream>().unwrap_or_default();
                    self.read(&inner.into_iter().collect::<Vec<_>>(), false);
                }
                _ => {}
            }
        }
    }

    /// A module that stands in the file.
    fn enter(&mut self, tokens: &[TokenTree], at: &mut usize) {
        if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
            (tokens.get(*at), tokens.get(*at + 1))
        {
            *at += 2;
            self.place.push(name.to_string());
            let inner: Vec<_> = body.stream().into_iter().collect();
            self.declare(&inner);
            self.read(&inner, false);
            self.place.pop();
        }
    }

    /// A path that begins at a token, and where it ends.
    fn path(&mut self, tokens: &[TokenTree], begin: usize) -> usize {
        let mut path = Vec::new();
        let mut at = begin;
        while let Some(TokenTree::Ident(word)) = tokens.get(at) {
            path.push(plain(&word.to_string()));
            at += 1;
            let goes_on =
                tokens.get(at..at + 2).is_some_and(|two| two.iter().all(|token| is_sign(token, ':')))
                    && matches!(tokens.get(at + 2), Some(TokenTree::Ident(_)));
            if !goes_on {
                break;
            }
            at += 2;
        }
        // Behind `Vec::<u8>::` stands the rest of a path; behind a bare `::`, another crate.
        let before = |steps: usize, sign| begin >= steps && is_sign(&tokens[begin - steps], sign);
        let is_rest = before(1, ':') && before(2, ':') && before(3, '>') && !before(4, '-');
        if path.len() > 1 && !is_rest {
            self.found.insert(self.whole(&path).join("::"));
        }
        at
    }

    fn whole(&self, path: &[String]) -> Vec<String> {
        let up = path.iter().take_while(|word| *word == "super").count();
        let root = ["crate".to_owned()];
        match path {
            [first, ..] if first == "super" => {
                let kept = self.place.len().saturating_sub(up);
                [&root, &self.place[..kept], &path[up..]].concat()
            }
            [first, rest @ ..] if first == "self" => [&root, &self.place[..], rest].concat(),
            [first, rest @ ..] if !rest.is_empty() && self.known.contains_key(first) => {
                [&self.known[first][..], rest].concat()
            }
            _ => path.to_vec(),
        }
    }
}

/// The tokens of a statement, to its `;`.
fn statement(tokens: &[TokenTree]) -> Vec<TokenTree> {
    tokens.iter().take_while(|token| !is_sign(token, ';')).cloned().collect()
}

fn plain(word: &str) -> String {
    word.trim_start_matches("r#").to_owned()
}
