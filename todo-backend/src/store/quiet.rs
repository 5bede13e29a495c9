//! Turns a panic inside sled into a value, and keeps its text off the terminal.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; a panic in it becomes its message.
///
/// The panic hook belongs to the process, and this is a library: it is wrapped once and passes on
/// every panic that does not happen in here or on one of sled's own threads.
pub(super) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    wrap_hook_once();
    let outer = QUIET.replace(true);
    // The caller gives up a store that panicked, so nobody sees a state half changed.
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    QUIET.set(outer);
    outcome.map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        let first_line = text.and_then(|text| text.lines().next());
        first_line.unwrap_or("the database panicked").to_owned()
    })
}

fn wrap_hook_once() {
    static WRAPPED: Once = Once::new();
    WRAPPED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let thread = std::thread::current();
            let of_sled = thread.name().is_some_and(|name| name.starts_with("sled-io-"));
            if !QUIET.get() && !of_sled {
                previous(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_first_line() {
        assert_eq!(catch(|| 1), Ok(1));
        assert_eq!(
            catch(|| -> () { panic!("page {} is gone\nbacktrace", 7) }),
            Err("page 7 is gone".to_owned())
        );
        assert_eq!(catch(|| -> () { panic::panic_any(7) }), Err("the database panicked".to_owned()));
        assert!(!QUIET.get());
    }
}
