// swift-tools-version:5.9
import PackageDescription

// Sources and the XCFramework are made by ./generate and by the steps in README.md; neither is kept.
let package = Package(
    name: "Gongdan",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [.library(name: "Gongdan", targets: ["Gongdan"])],
    targets: [
        .binaryTarget(name: "GongdanFFI", path: "GongdanFFI.xcframework"),
        .target(name: "Gongdan", dependencies: ["GongdanFFI"], path: "Sources/Gongdan"),
    ]
)
