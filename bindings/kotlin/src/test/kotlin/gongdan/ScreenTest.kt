package gongdan

import gongdan.core.*
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.BeforeAll
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestInstance
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import java.time.Instant
import java.time.temporal.ChronoUnit
import java.util.UUID
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertTrue

/** What the guide shows, against the real server. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ScreenTest {
    private val server = TestServer()
    private lateinit var office: Office

    @BeforeAll
    fun signIn() {
        server.setPassword("G2004", "a long enough password")
        office = Office(server.url, "G2004", "a long enough password")
    }

    @AfterAll
    fun end() = server.close()

    @Test
    fun `a screen's life`(@TempDir folder: Path) = runBlocking {
        val ticketId = givenTicket()
        val path = folder.resolve("phone.db").toString()
        val keyStore = FileKeyStore(folder.resolve("key"))
        val changed = mutableListOf<String>()
        val observer = object : Observer {
            override fun changed(tickets: List<TicketId>) {
                changed += tickets
            }
        }
        val scanned = server.invite("G4001")
        enrol(scanned, path, keyStore, observer).close()
        assertTrue(ticketId in changed)

        // guide: open
        val phone = Phone.open(path, keyStore, observer)
        // guide: end

        // guide: list
        val wanted = listOf(Status.ASSIGNED, Status.ACCEPTED)
        val rows = phone.list(Filter(query = "制冷", statuses = wanted, limit = 50u))
        for (row in rows) {
            println("${row.label} ${row.status} ${row.customerName} ${row.problem}")
        }
        // guide: end
        assertTrue(rows.any { it.id == ticketId && it.label.startsWith("FW") })

        // guide: ticket
        val view = phone.ticket(ticketId)!!
        val model = view.ticket.fields[Field.MODEL]
        val catalogue = phone.catalogue()!!
        val line = view.ticket.fields[Field.PRODUCT_LINE] as Value.Text
        val checklistCode = catalogue.productLines.first { it.code == line.v1 }.checklist
        val checklist = catalogue.checklists.first { it.code == checklistCode }
        // guide: end
        assertEquals(Value.Text("KFR-35GW"), model)
        assertEquals(12, checklist.items.size)

        // guide: execute
        val hour = Instant.now().truncatedTo(ChronoUnit.HOURS)
        val appoint = Command.Appoint(hour.plus(1, ChronoUnit.HOURS), hour.plus(3, ChronoUnit.HOURS))
        phone.execute(ticketId, view.heads, listOf(appoint))
        // guide: end
        assertEquals(Status.APPOINTED, phone.ticket(ticketId)!!.ticket.status)
        assertEquals(ticketId, changed.last())
        phone.close()
    }

    private suspend fun enrol(scanned: String, path: String, keyStore: KeyStore, observer: Observer): Phone {
        // guide: enrol
        val invitation = parseInvitation(scanned)
        val transport = HttpTransport(invitation.server)
        val phone = Phone.enrolWith(path, transport, invitation.code, "陆河川的手机", keyStore, observer)
        val report = phone.sync(transport)
        // guide: end
        assertTrue(report.complete)
        return phone
    }

    @Test
    fun `rival values are seen and settled`(@TempDir folder: Path) = runBlocking {
        val ticketId = givenTicket()
        val (phone, transport) = givenPhone(folder)
        val seen = phone.ticket(ticketId)!!.heads
        office.execute(ticketId, """{"correct": {"field": "model", "value": "KFR-35GW/N1"}}""")
        phone.execute(ticketId, seen, listOf(Command.Correct(Field.MODEL, Value.Text("KFR-35GW/BP2"))))
        phone.sync(transport)

        // guide: conflicts
        val view = phone.ticket(ticketId)!!
        for (conflict in view.ticket.conflicts) {
            for (candidate in conflict.candidates) {
                println("${conflict.on} ${candidate.value} ${view.authors[candidate.actor]} ${candidate.at}")
            }
        }
        // guide: end
        val conflict = view.ticket.conflicts.single()
        assertEquals(
            setOf("G4001" to Value.Text("KFR-35GW/BP2"), "G2004" to Value.Text("KFR-35GW/N1")),
            conflict.candidates.map { view.authors[it.actor] to it.value }.toSet(),
        )

        // guide: settle
        val chosen = conflict.candidates.first().value
        phone.execute(ticketId, view.heads, listOf(Command.SettleConflict(conflict.on, chosen)))
        // guide: end
        phone.sync(transport)
        assertTrue(office.ticket(ticketId).getValue("conflicts").jsonArray.isEmpty())
        phone.close()
    }

    @Test
    fun `what the office must decide stays in the outbox`(@TempDir folder: Path) = runBlocking {
        val ticketId = givenTicket()
        val (phone, transport) = givenPhone(folder)
        phone.execute(ticketId, emptyMap(), listOf(Command.Accept))
        phone.sync(transport)
        phone.execute(ticketId, emptyMap(), listOf(Command.Complete("已修好")))
        office.assign(ticketId, "G4002")
        assertEquals(1u, phone.sync(transport).unsettled)

        // guide: outbox
        for (item in phone.outbox()) {
            println("${item.id} ${item.state} ${item.ticket} ${item.at} ${item.verdict}")
        }
        val counts = phone.outboxCounts()
        val toSend = counts.pending + counts.inFlight + counts.held
        // guide: end
        assertEquals(listOf(0u, 1u, 0u), listOf(toSend, counts.quarantined, counts.refused))
        val item = phone.outbox().single()
        assertEquals(Command.Complete("已修好"), item.command)
        assertEquals(QuarantineReason.REASSIGNED, (item.verdict as Verdict.Quarantined).reason)
        assertFalse(phone.dismiss(item.id))
        phone.close()
    }

    @Test
    fun `errors are shown by their codes`(@TempDir folder: Path) = runBlocking {
        val ticketId = givenTicket()
        val (phone, _) = givenPhone(folder)
        var view = phone.ticket(ticketId)!!
        val shown = mutableListOf<String>()
        fun show(key: String) = shown.add(key)

        for (command in listOf(Command.Cancel("不做了"), Command.Resume)) {
            // guide: errors
            try {
                phone.execute(ticketId, view.heads, listOf(command))
            } catch (e: PhoneException.NotLawful) {
                show("not_lawful.${e.action}.${e.status}")
            } catch (e: PhoneException.Denied) {
                show("denied.${e.code}")
            } catch (e: PhoneException.Unfit) {
                show("unfit.${e.code}")
            } catch (e: PhoneException.Stale) {
                view = phone.ticket(ticketId)!!
                show("stale")
            }
            // guide: end
        }
        assertEquals(listOf("denied.no_role", "not_lawful.RESUME.ASSIGNED"), shown)

        val tooLong = Command.Correct(Field.MODEL, Value.Text("工".repeat(201)))
        val unfit = assertThrows<PhoneException.Unfit> { phone.execute(ticketId, view.heads, listOf(tooLong)) }
        assertEquals(Inexecutable.Misfit(Subject.Field(Field.MODEL), Misfit.TOO_LONG), unfit.why)
        assertThrows<PhoneException.NoSuchTicket> {
            phone.execute(UUID.randomUUID().toString(), emptyMap(), listOf(Command.Accept))
        }
        val strange = mapOf(Part.SERVICE to listOf("0".repeat(64)))
        assertThrows<PhoneException.Stale> { phone.execute(ticketId, strange, listOf(Command.Accept)) }
        assertEquals("invalid_id", assertThrows<PhoneException.Unfit> { parseTicketId("no id") }.code)
        assertEquals(emptyList(), phone.outbox())
        phone.close()
    }

    @Test
    fun `a transfer in the background is cut off and made again`(@TempDir folder: Path) = runBlocking {
        val ticketId = givenTicket()
        val (phone, transport) = givenPhone(folder)
        phone.execute(ticketId, emptyMap(), listOf(Command.Accept))
        // The server has it, the phone never hears.
        transport.send(phone.nextRequest())
        assertEquals(1u, phone.outboxCounts().inFlight)

        // guide: background
        do {
            val request = phone.nextRequest()
            val response = transport.send(request)
            val outcome = phone.receive(response)
        } while (outcome.more)
        // guide: end
        assertEquals(emptyList(), phone.outbox())
        assertEquals("accepted", office.ticket(ticketId).getValue("status").jsonPrimitive.content)
        phone.close()
    }

    @Test
    fun `a token for attachments is had by a signed request`(@TempDir folder: Path) = runBlocking {
        val (phone, transport) = givenPhone(folder)
        // guide: token
        val authorization = phone.signRequest("POST", "/v1/token", ByteArray(0))
        // guide: end
        val answer = transport.send(Request("POST", "/v1/token", authorization, "application/json", ByteArray(0)))
        assertEquals(200u.toUShort(), answer.status)
        phone.close()
    }

    private fun givenTicket(): String {
        val ticket = office.open("开机十分钟后不制冷")
        office.assign(ticket, "G4001")
        return ticket
    }

    private suspend fun givenPhone(folder: Path): Pair<Phone, HttpTransport> {
        val transport = HttpTransport(server.url)
        val code = parseInvitation(server.invite("G4001")).code
        val keyStore = FileKeyStore(folder.resolve("key"))
        val phone = Phone.enrolWith(folder.resolve("phone.db").toString(), transport, code, "测试手机", keyStore)
        phone.sync(transport)
        return phone to transport
    }
}
