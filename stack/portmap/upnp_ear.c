/* One event a stream: read, judged, answered. */
#include "stack/portmap/upnp_ear.h"

#include "stack/portmap/upnp_text.h"

#include <string.h>

/* True when |h| is an event of our subscription, its number in |*seq|. */
static bool is_our_event(const it_upnp_ear *e, const it_upnp_head *h, uint32_t *seq)
{
    it_bytes sid, t;
    if (!it_upnp_is(h->word[0], "NOTIFY") || !e->sid[0])
        return false;
    if (!it_upnp_header(h, "SID", &sid) || !it_upnp_is(sid, e->sid))
        return false;
    return it_upnp_header(h, "SEQ", &t) && it_upnp_number(t, UINT32_MAX, seq) == 0;
}

/* The number of mappings that the event in |body| tells, or the one known so far. */
static uint32_t event_entries(const it_upnp_ear *e, it_bytes body)
{
    it_bytes t;
    uint32_t n;
    if (!it_upnp_element(body, "PortMappingNumberOfEntries", &t) || it_upnp_number(it_upnp_trim(t), 65535, &n) < 0)
        return e->entries;
    return n;
}

/* The event in |body|: true when it is of our subscription; |*doubt| as it_upnp_ear_input. */
static bool on_event(it_upnp_ear *e, const it_upnp_head *h, it_bytes body, it_ip external, bool *doubt)
{
    char text[IT_IP_TEXT];
    it_bytes t;
    uint32_t seq;
    if (!is_our_event(e, h, &seq))
        return false;
    uint32_t n = event_entries(e, body);
    uint32_t due = e->seq == UINT32_MAX ? 1 : e->seq + 1; /* section 4.3.1: 0 is the first one alone */
    bool missed = e->any && seq != due;
    bool fewer = e->any && n < e->entries;
    bool moved =
        it_upnp_element(body, "ExternalIPAddress", &t) && !it_upnp_is(it_upnp_trim(t), it_ip_text(external, text));
    e->any = true;
    e->seq = seq;
    e->entries = n;
    *doubt = missed || fewer || moved;
    return true;
}

/* What came so far. */
static bool on_bytes(it_upnp_ear *e, it_ip external)
{
    it_upnp_head h;
    bool doubt = false;
    int rc = it_upnp_head_parse(&h, it_bytes_of(e->in, e->n_in));
    bool more = rc == 0 || (rc == 1 && e->n_in < h.size + h.body);
    if (e->say || e->fin || (more && e->n_in < sizeof e->in))
        return false;
    e->good = rc == 1 && !more && on_event(e, &h, it_bytes_of(e->in + h.size, h.body), external, &doubt);
    e->say = true;
    return doubt;
}

bool it_upnp_ear_input(it_upnp_ear *e, const it_io *in, it_ip gateway, it_ip external)
{
    if (in->kind == IT_IO_ACCEPTED && !e->open && it_ip_eq(in->remote.ip, gateway)) {
        e->open = true;
        e->say = e->fin = false;
        e->flow = in->flow;
        e->room = (uint32_t)in->data.n;
        e->n_in = 0;
    } else if (!e->open || in->flow != e->flow) {
        return false; /* others wait until their sender gives up */
    } else if (in->kind == IT_IO_DATA) {
        size_t take = in->data.n < sizeof e->in - e->n_in ? in->data.n : sizeof e->in - e->n_in;
        memcpy(e->in + e->n_in, in->data.p, take);
        e->n_in += take;
        return on_bytes(e, external);
    } else if (in->kind == IT_IO_WRITABLE) {
        e->room = (uint32_t)in->data.n;
    } else if (in->kind == IT_IO_FIN) {
        e->fin = true;
    } else if (in->kind == IT_IO_RST) {
        e->open = e->say = e->fin = false;
    }
    return false;
}

int it_upnp_ear_output(it_upnp_ear *e, it_io *out, uint8_t *buf, size_t cap)
{
    const char *text = e->good ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
                               : "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n";
    size_t n = strlen(text);
    if (e->open && e->say && n <= cap && n <= e->room) {
        memcpy(buf, text, n);
        *out = (it_io){.kind = IT_IO_DATA, .flow = e->flow, .data = it_bytes_of(buf, n)};
        e->say = false;
        e->fin = true;
        return 1;
    }
    if (!e->open || !e->fin)
        return 0;
    *out = (it_io){.kind = IT_IO_FIN, .flow = e->flow};
    e->open = e->fin = e->say = false;
    return 1;
}
