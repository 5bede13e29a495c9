//! Routes: which one decides about a request, what it requires, and how it hands the request on.

mod addresses;
mod askers;
mod below;
mod challenges;
mod choice;
mod cors;
mod destinations;
mod expectations;
mod explain;
mod handing_on;
mod identity_names;
mod links;
mod near_misses;
mod one_configuration;
mod patterns;
mod prefixes;
mod reload;
mod requirements;
mod shadow;
