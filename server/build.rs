//! Makes the folder of the console's build if it is missing, and builds anew when what is in it changes.
//! (Cargo runs a build script again and again for a path that does not exist.)

fn main() {
    let dist = std::path::Path::new("console/dist");
    if let Err(error) = std::fs::create_dir_all(dist) {
        println!("cargo::warning=make {}: {error}", dist.display());
    }
    println!("cargo::rerun-if-changed=console/dist");
    println!("cargo::rerun-if-changed=build.rs");
}
