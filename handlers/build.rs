//! `sqlx::migrate!` embeds the files that it finds, and Cargo does not know where it looks.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
