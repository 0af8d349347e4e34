package gongdan

// guide: transport
import kotlinx.coroutines.future.await
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpRequest.BodyPublishers
import java.net.http.HttpResponse.BodyHandlers

/** Moves requests to [server], an address without a path. Any exception means that nothing came back. */
class HttpTransport(private val server: String) : Transport {
    private val client = HttpClient.newHttpClient()

    override suspend fun send(request: Request): Response {
        val builder = HttpRequest.newBuilder(URI(server + request.path))
            .header("Content-Type", request.contentType)
            .method(request.method, BodyPublishers.ofByteArray(request.body))
        request.authorization?.let { builder.header("Authorization", it) }
        val answer = client.sendAsync(builder.build(), BodyHandlers.ofByteArray()).await()
        return Response(answer.statusCode().toUShort(), answer.body())
    }
}
// guide: end
