package gongdan

import java.nio.file.Files
import java.nio.file.Path

// guide: key-store
/** Keeps each secret in a file. On Android wrap it by a key of the Android Keystore before it is written. */
class FileKeyStore(private val folder: Path) : KeyStore {
    override fun load(secret: Secret): ByteArray? =
        file(secret).let { if (Files.exists(it)) Files.readAllBytes(it) else null }

    override fun save(secret: Secret, bytes: ByteArray) {
        Files.createDirectories(folder)
        Files.write(file(secret), bytes)
    }

    override fun destroy(secret: Secret) {
        Files.deleteIfExists(file(secret))
    }

    private fun file(secret: Secret): Path = folder.resolve(secret.name)
}
// guide: end
