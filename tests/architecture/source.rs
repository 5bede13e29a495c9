//! A source file, read as tokens: what of it is built into the program, and which paths that names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A file, by its path below the folder that is looked at.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
    names: OnceLock<BTreeSet<String>>,
}

impl Source {
    pub(super) fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), names: OnceLock::new() }
    }

    /// The first part of the path.
    pub(super) fn room(&self) -> &str {
        self.name.split(['/', '.']).next().unwrap_or_default()
    }

    /// The second part: an adapter, an endpoint.
    pub(super) fn part(&self) -> Option<&str> {
        let part = self.name.strip_suffix(".rs")?.split('/').nth(1);
        part.filter(|part| !part.is_empty())
    }

    /// The paths that the program's part of the file names, from the root of the crate (`crate::…`) or
    /// of another one.
    pub(super) fn names(&self) -> &BTreeSet<String> {
        self.names.get_or_init(|| self.named(self.divided().0))
    }

    /// The same of what is only there for tests.
    pub(super) fn names_in_tests(&self) -> BTreeSet<String> {
        self.named(self.divided().1)
    }

    /// The modules that are declared here and only there for tests.
    fn test_modules(&self) -> Vec<String> {
        let tests: Vec<_> = self.divided().1.into_iter().collect();
        let declared = tests.windows(3).filter(|three| is_word(&three[0], "mod") && is_sign(&three[2], ';'));
        let name = self.name.strip_suffix(".rs").unwrap_or(&self.name);
        let within = if matches!(name, "lib" | "main") { String::new() } else { format!("{name}/") };
        declared.map(|three| format!("{within}{}", three[1])).collect()
    }

    fn divided(&self) -> (TokenStream, TokenStream) {
        let tokens = self.text.parse::<TokenStream>();
        divide(tokens.unwrap_or_else(|fault| panic!("{}: {fault}", self.name)))
    }

    fn named(&self, tokens: TokenStream) -> BTreeSet<String> {
        let modules = self.name.strip_suffix(".rs").unwrap_or(&self.name).split('/');
        let place = modules.filter(|module| !matches!(*module, "lib" | "main")).map(str::to_owned).collect();
        let mut reader = Reader { place, ..Reader::default() };
        let tokens: Vec<_> = tokens.into_iter().collect();
        reader.declare(&tokens);
        reader.read(&tokens, false);
        reader.found
    }
}

/// Those that are built into the program: whole files may be declared for tests only.
pub(super) fn product(sources: &[Source]) -> Vec<&Source> {
    let tests: Vec<String> = sources.iter().flat_map(Source::test_modules).collect();
    let is_test = |source: &Source| {
        let below = |module: &String| source.name.strip_prefix(module.as_str());
        tests.iter().filter_map(below).any(|rest| rest == ".rs" || rest.starts_with('/'))
    };
    sources.iter().filter(|source| !is_test(source)).collect()
}

/// What is built into the program, and what `#[cfg(test)]` keeps out of it, wherever that stands. In
/// doubt something is the program's.
fn divide(tokens: TokenStream) -> (TokenStream, TokenStream) {
    let all: Vec<_> = tokens.into_iter().collect();
    let (mut ours, mut tests) = (TokenStream::new(), TokenStream::new());
    let mut at = 0;
    while let Some(token) = all.get(at) {
        match (token, all.get(at + 1), all.get(at + 2)) {
            // A file or a block that begins with it.
            (hash, Some(bang), Some(TokenTree::Group(attribute)))
                if is_sign(hash, '#') && is_sign(bang, '!') && keeps_for_tests(attribute) =>
            {
                tests.extend(all.into_iter().skip(at + 3));
                return (ours, tests);
            }
            (hash, Some(TokenTree::Group(attribute)), _)
                if is_sign(hash, '#') && keeps_for_tests(attribute) =>
            {
                let end = at + 2 + length_of_item(&all[at + 2..]);
                tests.extend(all[at + 2..end].iter().cloned());
                at = end;
            }
            (TokenTree::Group(group), ..) => {
                let (inner, more) = divide(group.stream());
                ours.extend([TokenTree::Group(Group::new(group.delimiter(), inner))]);
                tests.extend(more);
                at += 1;
            }
            _ => {
                ours.extend([token.clone()]);
                at += 1;
            }
        }
    }
    (ours, tests)
}

/// Whether an attribute is a `cfg` that no program is built with.
fn keeps_for_tests(attribute: &Group) -> bool {
    let inner: Vec<_> = attribute.stream().into_iter().collect();
    match &inner[..] {
        [cfg, TokenTree::Group(predicate)] if is_word(cfg, "cfg") => asks_for_test(predicate.stream()),
        _ => false,
    }
}

fn asks_for_test(predicate: TokenStream) -> bool {
    let tokens: Vec<_> = predicate.into_iter().collect();
    let parts = |group: &Group| {
        let tokens: Vec<_> = group.stream().into_iter().collect();
        let parts = tokens.split(|token| is_sign(token, ',')).filter(|part| !part.is_empty());
        parts.map(|part| asks_for_test(part.iter().cloned().collect())).collect::<Vec<_>>()
    };
    match &tokens[..] {
        [test] => is_word(test, "test"),
        [word, TokenTree::Group(group)] if is_word(word, "all") => parts(group).contains(&true),
        [word, TokenTree::Group(group)] if is_word(word, "any") => !parts(group).contains(&false),
        _ => false,
    }
}

/// How many tokens belong to what an attribute stands before: an item, a field, a variant, an arm, a
/// statement.
fn length_of_item(tokens: &[TokenTree]) -> usize {
    let mut at = 0;
    while tokens.get(at).is_some_and(|token| is_sign(token, '#')) {
        at += 2;
    }
    if tokens.get(at).is_some_and(|token| is_word(token, "pub")) {
        at += 1;
        at += usize::from(matches!(tokens.get(at), Some(TokenTree::Group(_))));
    }
    let word = |at: usize| tokens.get(at).map(ToString::to_string).unwrap_or_default();
    // A constant function ends as functions do.
    let ends_at_sign = match &*word(at) {
        "use" | "static" | "type" | "let" => true,
        "const" => !matches!(&*word(at + 1), "fn" | "unsafe" | "async" | "extern"),
        _ => false,
    };
    let items =
        ["fn", "mod", "struct", "enum", "union", "impl", "trait", "unsafe", "async", "extern", "const"];
    let ends_at_comma = !ends_at_sign && !items.contains(&&*word(at));
    let is_last = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !ends_at_sign,
        token => is_sign(token, ';') || (ends_at_comma && is_sign(token, ',')),
    };
    tokens.iter().skip(at).position(is_last).map_or(tokens.len(), |place| at + place + 1)
}

fn is_sign(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

/// Reads paths, and says them as they are from the root of a crate.
#[derive(Default)]
struct Reader {
    /// The modules in which it reads.
    place: Vec<String>,
    /// What a name stands for that is declared or imported in the file.
    known: BTreeMap<String, Vec<String>>,
    found: BTreeSet<String>,
}

impl Reader {
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
                    let path = [&["crate".to_owned()], &self.place[..], &[name.clone()]].concat();
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
            let from_root = self.from_root(&path);
            self.found.insert(from_root.join("::"));
            self.known.insert(alias.unwrap_or(last), from_root);
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
            self.found.insert(self.from_root(&path).join("::"));
        }
        at
    }

    fn from_root(&self, path: &[String]) -> Vec<String> {
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
