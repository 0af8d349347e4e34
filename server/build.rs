//! Makes the folders of the pages' builds if they are missing, and builds anew when what is in them changes.
//! (Cargo runs a build script again and again for a path that does not exist.)

const BUILDS: [&str; 2] = ["console/dist", "../bindings/web/app/dist"];

fn main() {
    for dist in BUILDS {
        if let Err(error) = std::fs::create_dir_all(dist) {
            println!("cargo::warning=make {dist}: {error}");
        }
        println!("cargo::rerun-if-changed={dist}");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
