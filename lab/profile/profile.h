/* The profile file: named personalities of NATs, policies of firewalls, chains of boxes and links, from Lua text into C
 * structs.
 *
 * The file calls nat{}, firewall{}, chain{} and link{}, each with a name first; it runs in a Lua state of its own
 * without anything that reaches outside, with limits on instructions and memory. What the key table does not know, a
 * wrong type, a bare number where a unit belongs and an unknown parent are errors with line and path: profiles.lua:12:
 * nat.linux-masq.udp.timeout.initial: 30 has no unit; write "30ms" or "30s". The same table serves a scenario's
 * overrides. Boxes are not made here. */
#ifndef IT_LAB_PROFILE_PROFILE_H
#define IT_LAB_PROFILE_PROFILE_H

#include "netsim/fw/firewall.h"
#include "netsim/core/link.h"
#include "netsim/nat/nat.h"

typedef struct it_profiles it_profiles;
struct lua_State;

#define IT_PROFILE_ERR 256  /* room for any message, with NUL */
#define IT_PROFILE_CHAIN 8  /* boxes in a chain */
#define IT_PROFILE_EVENTS 8 /* events of a link profile */

enum it_profile_kind { IT_PROFILE_NAT, IT_PROFILE_FIREWALL, IT_PROFILE_CHAIN_OF, IT_PROFILE_LINK, IT_PROFILE_KINDS };

/* A line of the list of sources: |conf| is M measured, R read in an RFC, D read in a document, and from memory H, M*,
 * L. */
typedef struct it_profile_src {
    const char *fact, *source, *conf;
} it_profile_src;

/* Something that happens to a link with several interfaces. */
typedef struct it_link_event {
    it_time at; /* IT_NEVER: when the first one is detected */
    bool up;    /* else down */
    char iface[IT_NAME_MAX];
} it_link_event;

typedef struct it_link_profile {
    /* [0]: up, away from the host; with a Gilbert-Elliott model in both, loss and burst are what it comes to */
    it_link_dir_cfg dir[2];
    struct {
        bool set;
        uint32_t p, r; /* ppm: good to bad, bad to good, from one place of 20 ms to the next */
        uint32_t k, h; /* ppm: share passed in good and in bad */
    } ge;
    it_time period, gap;        /* every |period| an outage of |gap| ... */
    uint32_t period_loss_ppm;   /* ... and this loss in it */
    it_time flap_down, flap_up; /* flapping: down for, up for, */
    uint32_t flap_n;            /* this often */
    bool drop_all, oneway;      /* a blackhole, one way */
    it_link_event events[IT_PROFILE_EVENTS];
    uint32_t n_events;
    it_time detect_min, detect_max;
} it_link_profile;

#define IT_PROFILE_TEXT 64 /* of a text in a profile, with NUL */

/* What runs on the own host of a firewall. */
enum it_own_kind { IT_OWN_NONE, IT_OWN_HTTP, IT_OWN_SOCKS5, IT_OWN_PORTAL, IT_OWN_INSPECT };

/* An access policy: a firewall, and what it has beside it. |fw| comes first. */
typedef struct it_access_profile {
    it_fw_profile fw;
    struct {
        uint8_t kind;               /* enum it_own_kind, of what |proxy| says; portal and inspector follow from |fw| */
        it_addr addr;               /* where the proxy listens, reachable from inside */
        it_fw_ports allow_ports;    /* of the destination; not set: all */
        char auth[IT_PROFILE_TEXT]; /* "user:password"; "": none wanted */
        uint8_t scheme;             /* of an HTTP proxy: enum it_proxy_scheme (stack/proxy/server.h) */
        it_time idle;               /* a silent tunnel is ended after this; 0: never */
        bool udp;                   /* SOCKS5 UDP ASSOCIATE */
    } proxy;
    bool tls_intercept;             /* an inspector decrypts, under certificates of its own */
    char tls_pass[IT_PROFILE_TEXT]; /* but not these names: "bank.example,*.gov.example" */
    it_ip portal;                   /* the captive portal's address; none: no portal */
    uint8_t portal_says;            /* enum it_proxy_portal (stack/proxy/server.h) */
    struct {
        uint32_t mtu;           /* 0: no tunnel */
        it_time extra_rtt;      /* of the way to its exit and back */
        char exit[IT_NAME_MAX]; /* profile of the NAT where it ends; "": none */
    } tunnel;
} it_access_profile;

/* One profile; everything in it belongs to the it_profiles. */
typedef struct it_profile {
    enum it_profile_kind kind;
    const char *name;
    const char *doc;         /* "" when there is none */
    const char *parent;      /* "" when it inherits from the defaults */
    int line;                /* in the file */
    const char *unsupported; /* NULL, or a sentence: such a box cannot be made by this version (IT_ERR_UNSUPPORTED) */
    const it_profile_src *src;
    size_t n_src;
    union { /* by kind */
        it_nat_profile nat;
        it_access_profile fw;
        it_link_profile link;
        struct {
            const struct it_profile *box[IT_PROFILE_CHAIN]; /* host outwards */
            uint32_t n;
        } chain;
    } u;
} it_profile;

/* Loads |text| (|n| bytes; the file is called profiles.lua in messages). NULL with a message in |err| on any error,
 * "out of memory" among them. */
it_profiles *it_profiles_load(it_alloc *alloc, const char *text, size_t n, char err[IT_PROFILE_ERR]);

/* Loads the file that is built into the program. */
it_profiles *it_profiles_builtin(it_alloc *alloc, char err[IT_PROFILE_ERR]);

/* NULL is allowed. */
void it_profiles_free(it_profiles *ps);

/* The NAT, firewall or chain called |name| (they share one name space), or NULL. */
const it_profile *it_profiles_box(const it_profiles *ps, const char *name);
/* The link profile called |name|, or NULL. */
const it_profile *it_profiles_link(const it_profiles *ps, const char *name);
/* The |i|-th profile of |kind| in the order of the file, NULL past the end. */
const it_profile *it_profiles_nth(const it_profiles *ps, enum it_profile_kind kind, size_t i);
size_t it_profiles_count(const it_profiles *ps, enum it_profile_kind kind);
/* The profile of any of the kinds in |kinds| (bits 1 << kind) whose name is nearest to |name|, for "did you mean"; NULL
 * when none is near. */
const it_profile *it_profiles_near(const it_profiles *ps, const char *name, unsigned kinds);

/* Override fields from the Lua table at |index| of |L|, as scenarios write them (BoxSpec.set, LinkSpec): nested tables
 * merge, lists and empty tables replace. |*p| changes only on success. Returns 0, or IT_ERR_PARSE or IT_ERR_RANGE with
 * a message in |err| that begins with the path of the field under |where| ("nat.home.set"), without file and line,
 * which the caller knows. Raises no Lua errors and leaves the stack as it was. */
int it_nat_profile_set(it_nat_profile *p, struct lua_State *L, int index, const char *where,
                       char err[IT_PROFILE_ERR]) IT_MUST_CHECK;
int it_fw_profile_set(it_access_profile *p, struct lua_State *L, int index, const char *where,
                      char err[IT_PROFILE_ERR]) IT_MUST_CHECK;
int it_link_profile_set(it_link_profile *p, struct lua_State *L, int index, const char *where,
                        char err[IT_PROFILE_ERR]) IT_MUST_CHECK;

#endif
