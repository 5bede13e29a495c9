//! `/api/auth`: each endpoint, each status, word for word as the contract has it.

mod admin_users;
mod chosen_passwords;
mod errors;
mod login;
mod logout;
mod profile;
mod refresh;
mod register;
mod rotation;
mod unreadable_input;
mod verify;
