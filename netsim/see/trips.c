/* Trips: what left and what came, in the order in which it was seen, and the way back through it. */
#include "netsim/see/trips.h"

#include <string.h>

/* One end of a trip. */
typedef struct seen {
    uint64_t packet; /* 0 of a message */
    const it_node *node, *from;
    it_time at, left; /* |left|, |from|, |label|: of what came */
    uint16_t label;
    bool came, message;
} seen;

struct it_trips {
    it_alloc *alloc;
    it_world *world;
    seen *v;
    size_t n, cap;
    it_time until; /* all was seen before; IT_NEVER: so far */
    const it_node *ends[2];
    int media[2];       /* packets of media that came to each */
    uint8_t kinds[256]; /* of labels by number: 0: not looked at yet, 1: no media, 2: media */
    bool oom;
};

static bool is_host(const it_node *n)
{
    return strcmp(n->ops->kind, "host") == 0;
}

/* What comes from |now| on is not seen any more, and costs nothing. */
static void trips_stop(it_trips *t, it_time now)
{
    t->until = now;
    it_world_unobserve(t->world, t);
}

/* Whether |label| says that a packet is media, by its last word. */
static bool is_media(it_trips *t, uint16_t label)
{
    uint8_t *kind = &t->kinds[label % sizeof t->kinds];
    if (label < sizeof t->kinds && *kind)
        return *kind == 2;
    const char *text = it_world_label_text(t->world, label), *last = strrchr(text, ' ');
    last = last ? last + 1 : text;
    bool media = strcmp(last, "voice") == 0 || strcmp(last, "SRTP") == 0;
    if (label < sizeof t->kinds)
        *kind = media ? 2 : 1;
    return media;
}

/* Counts a packet of media that came. True when both ends have had enough. */
static bool media_enough(it_trips *t, const it_seen_packet *s)
{
    for (int i = 0; i < 2; i++)
        if (s->node == t->ends[i] && is_media(t, s->packet->label))
            t->media[i]++;
    return t->media[0] > IT_TRIPS_MEDIA && t->media[1] > IT_TRIPS_MEDIA;
}

static void trips_add(it_trips *t, seen s)
{
    if (t->until != IT_NEVER)
        return;
    if (t->n == IT_TRIPS_SEEN) {
        trips_stop(t, s.at);
        return;
    }
    if (it_grow(t->alloc, &t->v, &t->cap, t->n + 1, sizeof *t->v) < 0)
        t->oom = true;
    else
        t->v[t->n++] = s;
}

/* The packet |id| as it left; NULL: it was not seen to. */
static const seen *trips_left(const it_trips *t, uint64_t id)
{
    for (size_t i = t->n; i-- > 0;)
        if (!t->v[i].came && t->v[i].packet == id)
            return &t->v[i];
    return NULL;
}

/* A host drops a packet, right behind its receipt: it came for nothing. */
static void trips_forget(it_trips *t, const it_seen_packet *s)
{
    const seen *last = t->n ? &t->v[t->n - 1] : NULL;
    if (last && last->came && last->node == s->node && last->packet == s->packet->id)
        t->n--;
}

static void trips_see(void *self, const it_seen_packet *s)
{
    it_trips *t = self;
    if (!s->packet || !is_host(s->node))
        return;
    if (s->kind == IT_SEEN_DROP) {
        trips_forget(t, s);
        return;
    }
    if (s->kind == IT_SEEN_RECV && media_enough(t, s))
        trips_stop(t, s->now);
    trips_add(t, (seen){.packet = s->packet->id,
                        .node = s->node,
                        .at = s->now,
                        .label = s->packet->label,
                        .came = s->kind == IT_SEEN_RECV});
}

it_trips *it_trips_new(it_alloc *alloc, it_world *w, const it_node *const ends[2])
{
    it_trips *t = it_calloc(alloc, 1, sizeof *t);
    if (!t)
        return NULL;
    t->alloc = alloc;
    t->world = w;
    t->ends[0] = ends[0];
    t->ends[1] = ends[1];
    t->until = IT_NEVER;
    if (it_world_observe(w, (it_observer){t, trips_see}) < 0) {
        it_free(alloc, t);
        return NULL;
    }
    return t;
}

void it_trips_free(it_trips *t)
{
    if (!t)
        return;
    it_world_unobserve(t->world, t);
    it_free(t->alloc, t->v);
    it_free(t->alloc, t);
}

bool it_trips_oom(const it_trips *t)
{
    return t->oom;
}

void it_trips_carried(it_trips *t, const it_node *from, it_time left, const it_node *to, it_time came, const char *what)
{
    trips_add(t, (seen){.node = to,
                        .from = from,
                        .at = came,
                        .left = left,
                        .label = it_world_label(t->world, what),
                        .came = true,
                        .message = true});
}

/* The trip that ended as |s|; false: it was not seen to begin. |*before|: how many events were seen before it began. */
static bool trip_of(const it_trips *t, const seen *s, it_trip *out, size_t *before)
{
    *out = (it_trip){.from = s->from, .to = s->node, .left = s->left, .came = s->at};
    out->what = it_world_label_text(t->world, s->label);
    if (s->message) {
        while (*before > 0 && t->v[*before - 1].at > s->left)
            (*before)--;
        return true;
    }
    const seen *left = trips_left(t, s->packet);
    if (!left)
        return false;
    out->from = left->node;
    out->left = left->at;
    *before = (size_t)(left - t->v);
    return true;
}

/* The trips as they are, the latest first. Returns how many. */
static int row_back(const it_trips *t, const it_trips_ask *ask, it_trip row[IT_TRIPS_MAX])
{
    const it_node *at = ask->at;
    it_time when = ask->when;
    int n = 0;
    for (size_t i = t->n; i-- > 0 && n < IT_TRIPS_MAX;) {
        const seen *s = &t->v[i];
        size_t before = i;
        if (!s->came || s->node != at || s->at > when)
            continue;
        if (!trip_of(t, s, &row[n], &before))
            continue; /* whoever wrote it is no host: it says nothing of how long the way was */
        if (row[n].left < ask->since)
            break;
        at = row[n].from;
        when = row[n++].left;
        i = before;
    }
    return n;
}

/* |n| trips in a row, oldest first, as one. */
static it_trip trip_join(const it_trip *v, int n)
{
    it_trip x = v[n - 1]; /* what came at last */
    x.from = v[0].from;
    x.left = v[0].left;
    x.via = n > 1 ? v[0].to : NULL;
    return x;
}

static bool ask_end(const it_trips_ask *ask, const it_node *n)
{
    return n == ask->at || n == ask->other;
}

/* Joins what goes by servers, oldest first, in place. Returns how many are left. */
static int row_join(const it_trips_ask *ask, it_trip *v, int n)
{
    int out = 0;
    for (int i = 0, k; i < n; i = k) {
        for (k = i + 1; k < n && !ask_end(ask, v[k - 1].to);)
            k++;
        int there = v[i].from == v[k - 1].to ? (k - i + 1) / 2 : k - i;
        it_trip first = trip_join(&v[i], there);
        it_trip back = there < k - i ? trip_join(&v[i + there], k - i - there) : first;
        v[out++] = first;
        if (there < k - i)
            v[out++] = back;
    }
    return out;
}

int it_trips_row(const it_trips *t, const it_trips_ask *ask, it_trip out[IT_TRIPS_MAX])
{
    it_trip row[IT_TRIPS_MAX];
    if (t->oom || ask->when >= t->until)
        return 0;
    int n = row_back(t, ask, row);
    for (int i = 0; i < n; i++)
        out[i] = row[n - 1 - i];
    return row_join(ask, out, n);
}
