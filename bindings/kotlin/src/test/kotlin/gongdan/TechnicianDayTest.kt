package gongdan

import gongdan.core.*
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.io.IOException
import java.nio.file.Path
import java.security.MessageDigest
import java.time.Instant
import java.time.temporal.ChronoUnit
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** A network that can be off. */
private class Network(server: String) : Transport {
    private val http = HttpTransport(server)
    var on = true

    override suspend fun send(request: Request): Response {
        if (!on) throw IOException("no network")
        return http.send(request)
    }
}

/** What a screen would draw anew. */
private class Seen : Observer {
    val tickets = CopyOnWriteArrayList<String>()

    override fun changed(tickets: List<TicketId>) {
        this.tickets.addAll(tickets)
    }
}

class TechnicianDayTest {
    @Test
    fun `a technician's day with the network off in the middle reaches the desk`(@TempDir folder: Path) = runBlocking {
        TestServer().use { server -> day(server, folder) }
    }

    private suspend fun day(server: TestServer, folder: Path) {
        server.setPassword("G2004", "a long enough password")
        val office = Office(server.url, "G2004", "a long enough password")
        val id = office.open("空调开机十分钟后不制冷,外机有异响")
        office.assign(id, "G4001")

        val network = Network(server.url)
        val seen = Seen()
        val keyStore = FileKeyStore(folder.resolve("key"))
        val path = folder.resolve("phone.db").toString()
        val invitation = parseInvitation(server.invite("G4001"))
        var phone = Phone.enrolWith(path, network, invitation.code, "陆河川的手机", keyStore, seen)
        assertEquals("G4001", phone.person())
        assertNull(phone.catalogue())

        val first = phone.sync(network)
        assertTrue(first.complete)
        assertTrue(id in first.changed && id in seen.tickets)
        assertNotNull(phone.catalogue())
        val row = phone.list(Filter(query = "异响")).single()
        assertEquals(id, row.id)
        assertEquals(Status.ASSIGNED, row.status)
        assertTrue(assertNotNull(row.number).startsWith("FW"))
        assertEquals("穆清扬", row.customerName)

        phone.act(Command.Accept)
        val from = Instant.now().truncatedTo(ChronoUnit.HOURS).plus(1, ChronoUnit.HOURS)
        phone.act(Command.Appoint(from, from.plus(2, ChronoUnit.HOURS)))
        phone.act(Command.Depart)
        assertEquals(3u, phone.outboxCounts().pending)
        assertTrue(phone.sync(network).complete)
        assertEquals(emptyList(), phone.outbox())
        assertEquals("departed", office.status(id))

        network.on = false
        assertThrows<PhoneException.Network> { runBlocking { phone.sync(network) } }
        phone.act(Command.Arrive)
        phone.act(
            Command.AnswerChecklist(
                listOf(
                    ChecklistEntry("identity", Answer.Done),
                    ChecklistEntry("pressure", Answer.Reading("0.42 MPa")),
                    ChecklistEntry("teach", Answer.Skipped("客户赶时间")),
                ),
            ),
        )
        phone.act(Command.RecordStep("测量启动电容", "容量只剩 18 μF"))
        phone.act(Command.Diagnose("hardware", "on_site", "启动电容老化,压缩机起不来"))
        phone.act(Command.UsePart("AC-CAP-35", "压缩机启动电容 35 μF", 1u))
        phone.act(Command.Quote(18_000, "更换启动电容,含上门费"))
        val quote = phone.view().ticket.quotes.single()
        phone.act(Command.RecordConsent(quote.key, true, Capacity.CUSTOMER))
        phone.act(Command.Complete("已更换启动电容,制冷正常"))
        confirm(phone)
        assertThrows<PhoneException.Network> { runBlocking { phone.sync(network) } }

        // The phone is put away and comes back hours later, in another process as far as it can tell.
        val before = phone.view()
        phone.close()
        phone = Phone.open(path, keyStore, seen)
        assertEquals(before.ticket, phone.view().ticket)
        assertEquals(Status.CONFIRMED, phone.view().ticket.status)
        assertTrue(phone.outbox().size >= 10)
        assertEquals("departed", office.status(id))

        // Meanwhile the desk wrote on the same ticket.
        office.execute(id, """{"write_note": {"part": "service", "text": "客户来电催问"}}""")
        network.on = true
        val last = phone.sync(network)
        assertTrue(last.complete)
        assertEquals(0u, last.unsettled)
        assertEquals(emptyList(), phone.outbox())

        assertEquals("confirmed", office.status(id))
        val there = office.ticket(id)
        val here = phone.view().ticket
        assertEquals("客户来电催问", here.notes.single().text)
        assertEquals(1, there.getValue("parts_used").jsonArray.size)
        assertEquals(3, there.getValue("checklist").jsonArray.size)
        val signature = there.getValue("signatures").jsonArray.single().jsonObject
        assertEquals("穆清扬", signature.getValue("signer").jsonPrimitive.content)
        val ink = signature.getValue("ink").jsonObject.getValue("strokes").jsonArray
        assertEquals(INK.strokes.map { it.size }, ink.map { it.jsonArray.size })
        assertEquals(INK, here.signatures.single().ink)
        assertTrue(here.conflicts.isEmpty() && here.clashes.isEmpty())
        phone.close()
    }

    private fun confirm(phone: Phone) {
        // guide: act
        val sheet = "已更换启动电容 35 μF,费用 180.00 元".toByteArray()
        val shown = MessageDigest.getInstance("SHA-256").digest(sheet).joinToString("") { "%02x".format(it) }
        val view = phone.ticket(phone.list(Filter()).first().id)!!
        val answers = FourAnswers(solved = true, satisfied = true, professionalism = 9u, comments = null)
        phone.execute(
            view.ticket.id,
            view.heads,
            listOf(
                Command.Confirm(ConfirmationMethod.SIGNATURE, answers, shown),
                Command.RecordSignature("穆清扬", Capacity.CUSTOMER, shown, INK),
            ),
        )
        // guide: end
    }

    private fun Office.status(id: String) = ticket(id).getValue("status").jsonPrimitive.content

    /** The phone's only ticket. */
    private fun Phone.view(): TicketView = assertNotNull(ticket(list(Filter()).single().id))

    private fun Phone.act(command: Command) {
        val view = view()
        execute(view.ticket.id, view.heads, listOf(command))
    }

    private companion object {
        val INK = Ink(
            width = 30_000u,
            height = 12_000u,
            strokes = listOf(
                listOf(InkPoint(1_000, 2_000, 0u, 512u), InkPoint(1_250, 2_125, 16u, 600u)),
                listOf(InkPoint(4_000, 2_050, 240u, null), InkPoint(4_100, 3_300, 256u, null), InkPoint(4_180, 4_700, 272u, null)),
            ),
        )
    }
}
