//! sled panics on some damaged files. Here such a panic becomes a value, and prints nothing.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; when it panics, answers the panic's message.
///
/// What `work` shares with others must stay sound if it stops half-way. That holds for look-ups,
/// which change nothing, and for the closure of a transaction, which is applied as a whole later.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    hush_this_thread();
    let before = QUIET.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(before);
    outcome.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("sled panicked").to_owned()
    })
}

/// The hook belongs to the whole process: ours stays in place for good, and passes on every panic
/// but those of a thread that is inside `caught`. Swapping it back and forth would be a race.
fn hush_this_thread() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let earlier = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                earlier(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(caught(|| 1), Ok(1));
        assert_eq!(caught(|| -> () { panic!("page {} is gone", 7) }), Err("page 7 is gone".to_owned()));
        assert_eq!(caught(|| -> () { std::panic::panic_any(7) }), Err("sled panicked".to_owned()));
        assert!(!QUIET.get());
    }
}
