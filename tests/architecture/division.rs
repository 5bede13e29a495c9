//! Tells apart what is built into the program and what is only there for tests.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::source::{is_sign, is_word};

/// What is built into the program, and what `#[cfg(test)]` keeps out of it, wherever that stands. In
/// doubt something is the program's.
pub(super) fn divide(tokens: TokenStream) -> (TokenStream, TokenStream) {
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
