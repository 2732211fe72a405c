/* The rules of framing by length (RFC 4571 section 2). */
#include "stack/stream/rfc4571.h"

#include "stack/stream/framing.h"

#include <string.h>

enum { HEAD = 2 };

static size_t length_of(const uint8_t *p)
{
    return it_get16(p);
}

static size_t length_wanted(const uint8_t *p, size_t n)
{
    return n < HEAD ? HEAD : HEAD + length_of(p);
}

static const char *length_fault(const uint8_t *p, size_t n, size_t largest)
{
    if (n >= HEAD && length_of(p) > largest)
        return "a message is longer than agreed (RFC 4571 section 2)";
    return NULL;
}

static size_t length_framed(it_bytes m, size_t largest)
{
    return m.n > largest ? 0 : HEAD + m.n;
}

static void length_write(uint8_t *p, it_bytes m)
{
    it_put16(p, (uint16_t)m.n);
    if (m.n)
        memcpy(p + HEAD, m.p, m.n);
}

static const it_framing RULES = {.kind = "rfc4571",
                                 .cut = "the stream ended inside a message (RFC 4571 section 2)",
                                 .head = HEAD,
                                 .wanted = length_wanted,
                                 .fault = length_fault,
                                 .message = length_of,
                                 .framed = length_framed,
                                 .write = length_write};

it_layer it_rfc4571(it_alloc *alloc, size_t largest)
{
    return it_framing_layer(alloc, &RULES, largest < IT_RFC4571_MAX ? largest : IT_RFC4571_MAX);
}
