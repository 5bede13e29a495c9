//! What anybody tries first: common passwords and their simple changes, by `zxcvbn`, once the words
//! that belong to the account are taken away.

use super::{Owner, Weakness};

/// Characters that are estimated. The time grows exponentially with look-alikes (`4`, `@`, `$` …),
/// to 0.7 s at a hundred of them; of this many, none was found that takes more than 8 ms. Who has
/// this many that are no guess has enough.
const ESTIMATED_CHARACTERS_MAX: usize = 20;

/// Letters of a word that counts as the account's own. Shorter ones occur in any password.
const OWN_WORD_CHARACTERS_MIN: usize = 3;

/// What everybody knows who sees where they log in.
const PRODUCT: &str = "gateway";

/// Asked by ten to the power of `guesses_log10_min`; 0 is not asked.
pub(super) fn is_guessable(password: &str, owner: &Owner<'_>, guesses_log10_min: u8) -> Option<Weakness> {
    if guesses_log10_min == 0 {
        return None;
    }
    let words = own_words(owner);
    // A guesser who knows the account has its words for nothing: what is left must be enough. The
    // estimator would reckon with a choice among thousands for each of them.
    let left = without(password, &words);
    let left: String = left.chars().take(ESTIMATED_CHARACTERS_MAX).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    // The words once more, as the estimator knows them reversed and with look-alikes.
    let guesses_log10 = zxcvbn::zxcvbn(&left, &words).guesses_log10();
    (guesses_log10 < f64::from(guesses_log10_min)).then_some(Weakness::Guessable)
}

/// The address, its parts, the names and their parts, in lower case, the longest first.
fn own_words(owner: &Owner<'_>) -> Vec<String> {
    let (local, domain) = owner.email.split_once('@').unwrap_or((owner.email, ""));
    // `example` of `example.org`, and not what all have.
    let site = domain.rsplit_once('.').map_or(domain, |(site, _)| site);
    let wholes = [owner.email, local, domain, site, owner.first_name, owner.last_name, PRODUCT];
    let parts = [local, site, owner.first_name, owner.last_name];
    let parts = parts.iter().flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric()));
    let words = wholes.into_iter().chain(parts).map(|word| word.trim().to_lowercase());
    let mut words: Vec<_> = words.filter(|word| word.chars().count() >= OWN_WORD_CHARACTERS_MIN).collect();
    words.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    words.dedup();
    words
}

/// What is left of a password without these words, and without what joined it to them.
fn without(password: &str, words: &[String]) -> String {
    // Lower-cased letter by letter, so that both texts have the same length in characters.
    let mut left: Vec<char> = password.chars().collect();
    for word in words {
        let word: Vec<char> = word.chars().collect();
        let mut at = 0;
        while at + word.len() <= left.len() {
            let same = left.iter().skip(at).zip(&word).all(|(one, other)| lower(*one) == *other);
            if same {
                left.drain(at..at + word.len());
            } else {
                at += 1;
            }
        }
    }
    let whole = left.len() == password.chars().count();
    let left: String = left.into_iter().collect();
    if whole { left } else { left.trim_matches(|letter: char| !letter.is_alphanumeric()).to_owned() }
}

fn lower(letter: char) -> char {
    let mut lower = letter.to_lowercase();
    lower.next().filter(|_| lower.next().is_none()).unwrap_or(letter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_clock::Stopwatch;

    const ADA: Owner<'static> =
        Owner { email: "ada.lovelace@example.org", first_name: "Ada", last_name: "Lovelace" };

    fn refused<'a>(owner: &Owner<'_>, passwords: &[&'a str]) -> Vec<&'a str> {
        let refused = passwords.iter().filter(|password| is_guessable(password, owner, 4).is_some());
        refused.copied().collect()
    }

    #[test]
    fn the_first_that_anybody_tries_are_refused() {
        let common = [
            "Password1",
            "Qwerty123",
            "Welcome1",
            "Letmein1",
            "Hello123",
            "Test1234",
            "Pass1234",
            "Iloveyou1",
            "Passw0rd",
            "Gateway1",
            "Gateway123",
            "gateway-2026",
        ];
        assert_eq!(refused(&Owner::default(), &common), common);
    }

    #[test]
    fn what_is_made_of_the_account_is_refused() {
        let own = [
            "Ada.Lovelace1815",
            "Ada-Lovelace_1815",
            "Ada.lovelace@example.org",
            "ada.lovelace@example.org1",
            "Lovelace1",
            "AdaLovelace1",
            "LovelaceAda!",
            "Example1",
            "ADALOVELACE2026",
            "example.org-1",
            "L0velace",
            "ecalevoL",
        ];
        assert_eq!(refused(&ADA, &own), own);
        let others = Owner { email: "Grace@navy.example", first_name: "Grace", last_name: "Hopper" };
        assert_eq!(refused(&others, &["Ada.Lovelace1815", "AdaLovelace1"]), Vec::<&str>::new());
        let turkish = Owner { email: "i@example.org", first_name: "İpek İrem", last_name: "Straße" };
        assert_eq!(refused(&turkish, &["Straße12", "STRASSE-Kestanelik-7"]), ["Straße12"]);
    }

    #[test]
    fn plausible_ones_are_accepted() {
        let plausible = [
            "Analytical1",
            "Correct1",
            "Babbage12",
            "Change-me-1",
            "Abcdefg1",
            "CANARY-Password-1",
            "Another-Password-1",
            "Пароль12",
            "correct horse battery staple",
            "Ada likes 4 cats",
            "x7#Kq2!vLm",
            "SecurePass123",
        ];
        assert_eq!(refused(&ADA, &plausible), Vec::<&str>::new());
    }

    #[test]
    fn it_is_not_asked_where_nothing_is_wanted() {
        assert_eq!(is_guessable("Password1", &ADA, 0), None);
        assert_eq!(is_guessable("Correct1", &ADA, 6), Some(Weakness::Guessable));
    }

    /// At full length the first of these took most of a second in an optimised build.
    #[test]
    fn no_password_and_no_owner_takes_long() {
        let long = |text: &str| text.chars().cycle().take(1_024).collect::<String>();
        let name = long("ab1 ");
        let owner = Owner {
            email: &format!("{}@{}.org", &name[..64], "a-".repeat(90)),
            first_name: &name[..100],
            last_name: &name[..100],
        };
        assert_eq!(is_guessable("Aa1xxxxx", &owner, 4), None);
        for text in
            ["4@8({[<369&#!1/|0$5+7%2", "1", "a", "ab1 ", "19911231", "P@55w0rd", "ß", "Aa1", "\u{301}", "😀"]
        {
            let watch = Stopwatch::start();
            is_guessable(&long(text), &owner, 4);
            // Many times what it takes, for builds that are not optimised and machines that are busy.
            assert!(watch.elapsed().as_millis() < 2_000, "{text}: {:?}", watch.elapsed());
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_is_judged(password in ".{0,40}", email in ".{0,30}", first_name in ".{0,20}", last_name in ".{0,20}") {
            let owner = Owner { email: &email, first_name: &first_name, last_name: &last_name };
            is_guessable(&password, &owner, 4);
        }
    }
}
