package gongdan

import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.TimeUnit
import kotlin.io.path.ExperimentalPathApi
import kotlin.io.path.deleteRecursively

/** The real server, with the sample organisation, on a folder and a port of its own. */
class TestServer : AutoCloseable {
    private val data: Path = Files.createTempDirectory("gongdan-server")
    private val process: Process
    val url: String

    init {
        run("org", "load", "${environment("GONGDAN_SAMPLE")}/organisation.toml")
        process = start("serve", "--listen", "127.0.0.1:0")
            .redirectError(data.resolve("log").toFile())
            .start()
        // The server says where it listens in its first line, once it takes requests.
        val line = process.inputReader().readLine() ?: error("the server ended: ${log()}")
        url = Regex("http://\\S+").find(line)?.value ?: error("no address in: $line")
    }

    /** Gives somebody a password to sign in at the desk with. */
    fun setPassword(person: String, password: String) {
        run("user", "add", person, "--password-stdin", input = password)
    }

    /** Invites a device of [person]; gives what the QR code says. */
    fun invite(person: String): String {
        val printed = run("--public-url", url, "device", "invite", person)
        return Regex("gongdan://\\S+").find(printed)?.value ?: error("no address in: $printed")
    }

    private fun run(vararg arguments: String, input: String = ""): String {
        val command = start(*arguments).redirectErrorStream(true).start()
        command.outputWriter().use { it.write(input) }
        val printed = command.inputReader().readText()
        check(command.waitFor() == 0) { "gongdan ${arguments.first()}: $printed" }
        return printed
    }

    private fun start(vararg arguments: String): ProcessBuilder {
        val command = listOf(environment("GONGDAN_SERVER"), "--data", data.resolve("data").toString())
        return ProcessBuilder(command + arguments)
    }

    private fun environment(name: String) = System.getenv(name) ?: error("$name is not set")

    private fun log() = Files.readString(data.resolve("log"))

    @OptIn(ExperimentalPathApi::class)
    override fun close() {
        process.destroy()
        if (!process.waitFor(20, TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor()
            error("the server did not end when it was told to: ${log()}")
        }
        data.deleteRecursively()
    }
}
