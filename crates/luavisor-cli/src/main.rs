//! The `luavisor` command.
fn main() {}
