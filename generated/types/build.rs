//! Regenerates the three generated crates from the contract before any of them is compiled.

fn main() {
    specwright_codegen::build::run("../../openapi.yaml", "..");
}
