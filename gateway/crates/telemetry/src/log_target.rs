//! Where in the program a line comes from. Its rooms are crates, and operators know them as parts of one
//! program: `gateway_edge::streams` is told, and chosen, as `gateway::edge::streams`.

use std::borrow::Cow;

/// What the crate of each room is called by.
const ROOM: &str = "gateway_";
const PROGRAM: &str = "gateway::";

/// As it stands in a line.
pub(super) fn told(target: &str) -> Cow<'_, str> {
    target.strip_prefix(ROOM).map_or(Cow::Borrowed(target), |rest| Cow::Owned(format!("{PROGRAM}{rest}")))
}

/// Levels by module, with those of rooms once more by the name of the crate. `level` as it was written.
pub(super) fn directives(level: &str) -> String {
    let rooms = level.split(',').filter_map(|part| part.trim().strip_prefix(PROGRAM));
    rooms.fold(level.to_owned(), |all, room| format!("{all},{ROOM}{room}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_a_part_of_the_program() {
        assert_eq!(told("gateway_edge::streams"), "gateway::edge::streams");
        assert_eq!(told("gateway::cli::serve"), "gateway::cli::serve");
        assert_eq!(told("access"), "access");
    }

    #[test]
    fn levels_of_rooms_are_those_of_their_crates() {
        assert_eq!(directives("info"), "info");
        let by_room = "info, gateway::api=debug,gateway::store_sled::import=off,sled=warn";
        let of_crates = "gateway_api=debug,gateway_store_sled::import=off";
        assert_eq!(directives(by_room), format!("{by_room},{of_crates}"));
    }
}
