package gongdan

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpRequest.BodyPublishers
import java.net.http.HttpResponse.BodyHandlers

/** Somebody at the desk, over the console's JSON API. */
class Office(private val server: String, person: String, password: String) {
    private val client = HttpClient.newHttpClient()
    private var cookie = ""

    init {
        send("POST", "/v1/session", """{"username": "$person", "password": "$password"}""")
    }

    /** Takes a request in and gives its ticket's id. */
    fun open(problem: String): String {
        val opened = send(
            "POST",
            "/v1/tickets",
            """{"commands": [
              {"open": {"fields": [
                 {"field": "ticket_type", "value": "repair"},
                 {"field": "channel", "value": "phone"},
                 {"field": "region", "value": "east"},
                 {"field": "product_line", "value": "aircon"},
                 {"field": "model", "value": "KFR-35GW"}], "problem": "$problem"}},
              {"record_customer": {"fields": [
                 {"field": "customer_name", "value": "穆清扬"},
                 {"field": "address", "value": "映波里 7 号"}]}}]}""",
        )
        return opened.getValue("id").jsonPrimitive.content
    }

    /** Does something with a ticket as it is. */
    fun execute(ticket: String, command: String) {
        send("POST", "/v1/tickets/$ticket/commands", """{"commands": [$command]}""")
    }

    fun assign(ticket: String, person: String) {
        execute(ticket, """{"assign": {"crew": ["$person"], "lead": "$person", "group": "home"}}""")
    }

    fun ticket(id: String): JsonObject = send("GET", "/v1/tickets/$id", null).getValue("ticket").jsonObject

    private fun send(method: String, path: String, body: String?): JsonObject {
        val request = HttpRequest.newBuilder(URI(server + path))
            .header("Content-Type", "application/json")
            .header("X-Gongdan-Request", "1")
            .header("Cookie", cookie)
            .method(method, if (body == null) BodyPublishers.noBody() else BodyPublishers.ofString(body))
        val answer = client.send(request.build(), BodyHandlers.ofString())
        check(answer.statusCode() in 200..299) { "$method $path: ${answer.statusCode()} ${answer.body()}" }
        answer.headers().firstValue("Set-Cookie").ifPresent { cookie = it.substringBefore(';') }
        return Json.parseToJsonElement(answer.body()).jsonObject
    }
}
