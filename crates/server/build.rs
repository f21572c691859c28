//! Turns `proto/rankine/v1/predictor.proto` into Rust without a `protoc`, and keeps its descriptors for reflection.

use std::path::PathBuf;

use tonic_prost_build::FileDescriptorSet;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let file = "rankine/v1/predictor.proto";
    println!("cargo:rerun-if-changed={}", root.join(file).display());
    let mut compiler = protox::Compiler::new([&root])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_file(file)?;
    let descriptors: FileDescriptorSet = compiler.file_descriptor_set();
    let kept = PathBuf::from(std::env::var("OUT_DIR")?).join("predictor.bin");
    std::fs::write(kept, compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .btree_map(".")
        .codec_path("crate::grpc::codec::Counted")
        .compile_fds(descriptors)?;
    Ok(())
}
