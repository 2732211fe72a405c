/* The tables of a NAT: mappings by RFC 4787 section 4.1, sessions as the filter of section 5, hairpins of section 6. */
#include "lab/judge/oracle/impl.h"

static const it_oracle_nat *nat_of(const it_orc *o, int box)
{
    return &o->q->box[box].u.nat;
}

static bool is_ext(const it_oracle_box *b, it_ip ip)
{
    for (int i = 0; i < b->n_ext; i++)
        if (it_ip_eq(b->ext[i], ip))
            return true;
    return false;
}

/* --- how long --- */

static it_time idle_time(const it_oracle_nat *n, const it_orc_session *s)
{
    if (s->stage == IT_ORC_STREAM)
        return n->stream;
    return s->stage == IT_ORC_REPLIED ? n->replied : n->initial;
}

/* When session |s| ends. Without inbound sessions the filter lives as long as the mapping, which every packet keeps
 * that refreshes. */
static it_time end_of(const it_orc *o, const it_orc_session *s)
{
    const it_oracle_nat *n = nat_of(o, s->box);
    it_time end = s->last + idle_time(n, s);
    if (n->sessions_in || s->map < 0)
        return end;
    it_time until = o->map[s->map].until;
    return until > end ? until : end;
}

static void end_session(it_orc *o, int i)
{
    int m = o->session[i].map;
    o->session[i].box = -1;
    for (int k = 0; m >= 0 && k < o->n_sessions; k++)
        if (o->session[k].box >= 0 && o->session[k].map == m)
            return;
    if (m >= 0)
        o->map[m].box = -1; /* a mapping lives as long as one of its sessions */
}

static void end_map(it_orc *o, int m)
{
    for (int k = 0; k < o->n_sessions; k++)
        if (o->session[k].map == m)
            o->session[k].box = -1;
    o->map[m].box = -1;
}

void it_orc_expire(it_orc *o)
{
    for (int i = 0; i < o->n_sessions; i++)
        if (o->session[i].box >= 0 && end_of(o, &o->session[i]) <= o->now)
            end_session(o, i);
}

/* Mapping of |s| lives as long as |s| at least. */
static void keep_map(it_orc *o, const it_orc_session *s)
{
    it_orc_map *m = s->map < 0 ? NULL : &o->map[s->map];
    it_time end = s->last + idle_time(nat_of(o, s->box), s);
    if (m && m->until < end)
        m->until = end;
}

/* A packet goes through session |s|. RFC 4787 REQ-6: which directions refresh. */
static void touch(it_orc *o, it_orc_session *s, bool inward)
{
    const it_oracle_nat *n = nat_of(o, s->box);
    if (s->stage == IT_ORC_REPLIED && o->now - s->created >= n->stream_after)
        s->stage = IT_ORC_STREAM;
    else if (s->stage == IT_ORC_INITIAL && inward != s->inward)
        s->stage = IT_ORC_REPLIED;
    if (inward ? n->refresh_in : n->refresh_out)
        s->last = o->now;
    keep_map(o, s);
}

/* --- limits: RFC 6888 REQ-4, REQ-5 --- */

it_time *it_orc_arrival_of(it_orc *o, int box, it_ip host)
{
    for (int i = 0; i < o->n_rates; i++)
        if (o->rate[i].box == box && it_ip_eq(o->rate[i].host, host))
            return &o->rate[i].tat;
    int i = o->n_rates < (int)(sizeof o->rate / sizeof *o->rate) ? o->n_rates++ : 0;
    o->rate[i].box = box;
    o->rate[i].host = host;
    o->rate[i].tat = 0;
    return &o->rate[i].tat;
}

/* Of the sessions of |box|, from any place in their list on, the first that is no stream yet; -1. */
static int unassured(it_orc *o, int box)
{
    int n = o->n_sessions, at = n ? (int)it_rng_below(&o->rng, (uint64_t)n) : 0;
    for (int i = 0; i < n; i++) {
        const it_orc_session *s = &o->session[(at + i) % n];
        if (s->box == box && s->stage != IT_ORC_STREAM)
            return (at + i) % n;
    }
    return -1;
}

/* Whether the table of |box| takes another session. A full one may let one give way: which is chance. */
static bool table_may(it_orc *o, int box)
{
    const it_oracle_nat *n = nat_of(o, box);
    uint32_t sessions = 0;
    for (int i = 0; i < o->n_sessions; i++)
        sessions += o->session[i].box == box;
    if (!n->most_table || sessions < n->most_table)
        return true;
    int old = n->evict ? unassured(o, box) : -1;
    it_orc_saw(o, old < 0 ? IT_ORC_SAW_LIMIT : IT_ORC_SAW_EVICTED, box);
    if (old >= 0)
        end_session(o, old);
    return old >= 0;
}

/* Whether |host| has as many sessions as it may. */
static bool host_full(const it_orc *o, int box, it_ip host)
{
    uint32_t sessions = 0, most = nat_of(o, box)->most_sessions;
    for (int i = 0; i < o->n_sessions; i++) {
        const it_orc_session *s = &o->session[i];
        sessions += s->box == box && s->map >= 0 && it_ip_eq(s->in.ip, host);
    }
    return most && sessions >= most;
}

static bool host_may(it_orc *o, int box, it_ip host)
{
    const it_oracle_nat *n = nat_of(o, box);
    bool many = host_full(o, box, host);
    bool fast =
        n->most_new && *it_orc_arrival_of(o, box, host) - o->now > (it_time)(n->most_new - 1) * (IT_SEC / n->most_new);
    if (many || fast)
        it_orc_saw(o, IT_ORC_SAW_LIMIT, box);
    return !many && !fast && table_may(o, box);
}

static bool dest_may(it_orc *o, int box, it_orc_end ext, it_orc_end remote)
{
    uint32_t n = 0, most = nat_of(o, box)->most_dest;
    for (int i = 0; most && i < o->n_sessions; i++) {
        const it_orc_session *s = &o->session[i];
        n += s->box == box && s->map >= 0 && it_ip_eq(s->ext.ip, ext.ip) && it_orc_same(s->remote, remote);
    }
    if (most && n >= most)
        it_orc_saw(o, IT_ORC_SAW_LIMIT, box);
    return !most || n < most;
}

static bool ports_may(it_orc *o, int box, it_ip host)
{
    uint32_t n = 0, most = nat_of(o, box)->most_ports;
    for (int i = 0; most && i < o->n_maps; i++)
        n += o->map[i].box == box && it_ip_eq(o->map[i].in.ip, host);
    if (most && n >= most)
        it_orc_saw(o, it_orc_few_ports(nat_of(o, box)) ? IT_ORC_SAW_SCARCE : IT_ORC_SAW_LIMIT, box);
    return !most || n < most;
}

/* --- making --- */

static int make_session(it_orc *o, int box, int map, it_orc_end ext, it_orc_end remote, bool inward)
{
    if (o->n_sessions == IT_ORC_SESSIONS)
        return -1;
    it_orc_session s = {.box = box, .map = map, .ext = ext, .remote = remote, .inward = inward};
    const it_oracle_nat *n = nat_of(o, box);
    s.created = s.last = o->now;
    if (map >= 0) {
        it_orc_map *m = &o->map[map];
        s.in = m->in;
        /* RFC 7857 section 7: where inbound packets do not refresh, a session of theirs prolongs nothing. */
        if (inward && !n->refresh_in && o->now + n->initial > m->until)
            s.last = (m->until > o->now ? m->until : o->now) - n->initial;
        if (m->until < s.last + n->initial)
            m->until = s.last + n->initial;
        if (n->most_new) {
            it_time *tat = it_orc_arrival_of(o, box, s.in.ip);
            *tat = (*tat > o->now ? *tat : o->now) + IT_SEC / n->most_new;
        }
    }
    o->session[o->n_sessions] = s;
    return o->n_sessions++;
}

/* What of |remote| a mapping hangs on. RFC 4787 section 4.1. */
static it_orc_end key_for(const it_oracle_nat *n, it_orc_end remote)
{
    if (n->mapping == IT_ORACLE_EI)
        return (it_orc_end){{0, 0}, 0};
    return n->mapping == IT_ORACLE_AD ? (it_orc_end){remote.ip, 0} : remote;
}

static int new_map(it_orc *o, int box, it_orc_end in, it_orc_end remote)
{
    it_orc_end ext;
    if (!ports_may(o, box, in.ip) || o->n_maps == IT_ORC_MAPS || !it_orc_alloc(o, box, in, remote, &ext))
        return -1;
    it_orc_end key = key_for(nat_of(o, box), remote);
    for (int i = 0; i < o->n_maps; i++) {
        it_orc_map *m = &o->map[i];
        if (m->box != box || !it_orc_same(m->in, in) || !it_orc_same(m->ext, ext) || !it_orc_same(m->key, key))
            continue;
        m->made = ++o->made;
        return i;
    }
    o->map[o->n_maps] = (it_orc_map){.box = box, .in = in, .ext = ext, .key = key, .until = o->now, .made = ++o->made};
    return o->n_maps++;
}

/* The newest mapping of |in| under |key|, -1. */
static int map_of(const it_orc *o, int box, it_orc_end in, it_orc_end key)
{
    int best = -1;
    for (int i = 0; i < o->n_maps; i++) {
        const it_orc_map *m = &o->map[i];
        if (m->box != box || !it_orc_same(m->in, in) || !it_orc_same(m->key, key))
            continue;
        if (best < 0 || m->made > o->map[best].made)
            best = i;
    }
    return best;
}

/* The mapping for a new session from |in| to |remote|: the newest one of its key, unless its 5-tuple is taken. */
static int map_for(it_orc *o, int box, it_orc_end in, it_orc_end remote)
{
    const it_oracle_nat *n = nat_of(o, box);
    int m = map_of(o, box, in, key_for(n, remote));
    if (m < 0)
        return new_map(o, box, in, remote);
    if (it_orc_session_at(o, box, o->map[m].ext, remote) < 0)
        return m;
    if (n->preserve && n->clash == IT_ORACLE_CLASH_SHARE)
        return m;
    if (n->clash_edm)
        return new_map(o, box, in, remote);
    it_orc_saw(o, IT_ORC_SAW_CLASH, box);
    return -1;
}

static int session_from(const it_orc *o, int box, it_orc_end in, it_orc_end remote)
{
    for (int i = o->n_sessions - 1; i >= 0; i--) {
        const it_orc_session *s = &o->session[i];
        if (s->box == box && s->map >= 0 && it_orc_same(s->in, in) && it_orc_same(s->remote, remote))
            return i;
    }
    return -1;
}

/* The session of what goes from |in| to |remote|, made when there is none; -1 when there can be none. */
static int open_out(it_orc *o, int box, it_orc_end in, it_orc_end remote)
{
    int i = session_from(o, box, in, remote);
    if (i >= 0) {
        touch(o, &o->session[i], false);
        return i;
    }
    if (!host_may(o, box, in.ip))
        return -1;
    int m = map_for(o, box, in, remote);
    if (m < 0 || !dest_may(o, box, o->map[m].ext, remote))
        return -1;
    return make_session(o, box, m, o->map[m].ext, remote, false);
}

/* --- inbound --- */

/* Whether mapping |m| lets |remote| in without a session of exactly that remote. RFC 4787 section 5. */
static bool lets_in(const it_orc *o, int m, it_orc_end remote)
{
    uint8_t filtering = nat_of(o, o->map[m].box)->filtering;
    if (filtering != IT_ORACLE_AD)
        return filtering == IT_ORACLE_EI;
    for (int i = 0; i < o->n_sessions; i++) {
        const it_orc_session *s = &o->session[i];
        if (s->box >= 0 && s->map == m && it_ip_eq(s->remote.ip, remote.ip))
            return true;
    }
    return false;
}

/* The mapping at |ext| that lets |remote| in, of several the oldest; -1. */
static int map_that_lets_in(const it_orc *o, int box, it_orc_end ext, it_orc_end remote)
{
    int best = -1;
    for (int m = it_orc_map_at(o, box, ext, UINT32_MAX); m >= 0; m = it_orc_map_at(o, box, ext, o->map[m].made))
        if (lets_in(o, m, remote))
            best = m;
    return best;
}

/* Whether session |i| of another mapping than |m| gives way: only its own side has sent, and an answer leaves from the
 * port that its question came to. */
static bool gives_way(const it_orc *o, int i, int m)
{
    const it_orc_session *s = &o->session[i];
    if (!nat_of(o, s->box)->sessions_in || s->map == m)
        return false;
    return s->stage == IT_ORC_INITIAL && !s->inward;
}

/* Lets a packet to |ext| from |remote| in, if it may come: the internal endpoint into |*in|. */
static bool open_in(it_orc *o, int box, it_orc_end ext, it_orc_end remote, it_orc_end *in)
{
    const it_oracle_nat *n = nat_of(o, box);
    int m = map_that_lets_in(o, box, ext, remote);
    if (m < 0)
        return false;
    *in = o->map[m].in;
    int old = session_from(o, box, *in, remote);
    if (old >= 0 && gives_way(o, old, m)) {
        end_session(o, old);
        old = -1;
    }
    if (n->sessions_in && old < 0) {
        if (!host_may(o, box, in->ip) || !dest_may(o, box, ext, remote))
            return false;
        return make_session(o, box, m, ext, remote, true) >= 0;
    }
    if (n->refresh_in && o->map[m].until < o->now + n->initial)
        o->map[m].until = o->now + n->initial;
    return true;
}

/* What nothing let in. A box that takes it for its own keeps a session, which has the port towards that remote. */
static enum it_orc_action unsolicited(it_orc *o, int box, it_orc_end ext, it_orc_end remote)
{
    uint8_t how = nat_of(o, box)->unsolicited;
    if (how == IT_ORACLE_UNSOL_TAKE) {
        (void)make_session(o, box, -1, ext, remote, true);
        it_orc_saw(o, IT_ORC_SAW_TAKEN, box);
    }
    return how == IT_ORACLE_UNSOL_DROP ? IT_ORC_DROP : IT_ORC_REFUSE;
}

enum it_orc_action it_orc_nat_in(it_orc *o, int box, it_orc_pkt *p)
{
    it_orc_end in;
    int i = it_orc_session_at(o, box, p->dst, p->src);
    if (i >= 0) {
        touch(o, &o->session[i], true);
        if (o->session[i].map < 0)
            return IT_ORC_REFUSE;
        in = o->session[i].in;
    } else if (!open_in(o, box, p->dst, p->src, &in)) {
        return unsolicited(o, box, p->dst, p->src);
    }
    p->dst = in;
    return IT_ORC_PASS;
}

/* --- outbound --- */

/* Turns |p|, of session |i|, around. RFC 4787 section 6, REQ-9a: with the external source. */
static enum it_orc_action hairpin(it_orc *o, int box, it_orc_pkt *p, int i)
{
    it_orc_end inner = p->src, in;
    it_orc_end from = o->session[i].ext;
    int k = it_orc_session_at(o, box, p->dst, from);
    if (k >= 0 && o->session[k].map < 0)
        return IT_ORC_DROP;
    if (k >= 0) {
        touch(o, &o->session[k], true);
        in = o->session[k].in;
    } else if (!open_in(o, box, p->dst, from, &in)) {
        return IT_ORC_DROP;
    }
    bool internal = nat_of(o, box)->hairpin == IT_ORACLE_HAIRPIN_INT;
    if (internal)
        it_orc_saw(o, IT_ORC_SAW_INTERNAL, box);
    p->src = internal ? inner : from;
    p->dst = in;
    return IT_ORC_BACK;
}

/* Whether |p|, the first of its session, is to an address of the box where it turns nothing around. */
static bool no_hairpin(it_orc *o, int box, const it_orc_pkt *p)
{
    const it_oracle_nat *n = nat_of(o, box);
    if (n->hairpin == IT_ORACLE_HAIRPIN_NONE) {
        it_orc_saw(o, IT_ORC_SAW_NO_HAIRPIN, box);
        return true;
    }
    return !n->one2one && it_orc_map_at(o, box, p->dst, UINT32_MAX) < 0;
}

static bool on_own_lan(const it_oracle_box *b, it_ip ip)
{
    return !it_ip_none(b->inside) && it_prefix_has((it_prefix){b->inside, (uint8_t)(b->bits + 96)}, ip);
}

enum it_orc_action it_orc_nat_out(it_orc *o, int box, it_orc_pkt *p)
{
    const it_oracle_box *b = &o->q->box[box];
    bool back = is_ext(b, p->dst.ip);
    if (session_from(o, box, p->src, p->dst) < 0) {
        if (back && no_hairpin(o, box, p))
            return IT_ORC_REFUSE;
        if (on_own_lan(b, p->dst.ip))
            return IT_ORC_DROP; /* nobody has that address */
    }
    int i = open_out(o, box, p->src, p->dst);
    if (i < 0)
        return IT_ORC_REFUSE;
    if (back)
        return hairpin(o, box, p, i);
    p->src = o->session[i].ext;
    if (p->n_trail < IT_ORC_TRAIL)
        p->trail[p->n_trail++] = i;
    return IT_ORC_PASS;
}

void it_orc_nat_error(it_orc *o, int session)
{
    const it_orc_session *s = &o->session[session];
    if (s->box < 0 || s->map < 0 || !nat_of(o, s->box)->kills)
        return;
    it_orc_saw(o, IT_ORC_SAW_KILLED, s->box);
    if (!o->v.spared)
        end_map(o, s->map);
}
