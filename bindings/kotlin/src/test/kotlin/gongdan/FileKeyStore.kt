package gongdan

import java.nio.file.Files
import java.nio.file.Path

// guide: key-store
/** Keeps the key in a file. On Android wrap it by a key of the Android Keystore before it is written. */
class FileKeyStore(private val file: Path) : KeyStore {
    override fun load(): ByteArray? = if (Files.exists(file)) Files.readAllBytes(file) else null

    override fun save(secret: ByteArray) {
        Files.write(file, secret)
    }
}
// guide: end
