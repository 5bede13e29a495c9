//! A source file, read as tokens: what of it is built into the program, and which paths that names.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use proc_macro2::{TokenStream, TokenTree};

use super::division::divide;
use super::paths::Reader;

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
        Reader::in_module(place).all(tokens)
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

pub(super) fn is_sign(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

pub(super) fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}
