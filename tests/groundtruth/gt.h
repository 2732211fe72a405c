/* Ground truth: the same random script of packets goes through Linux netfilter and through our NAT, and what comes out
 * is compared.
 *
 *     script ---> step ---> packet ---+--> kernel: TUN inside | netfilter | TUN outside   (kernel.c)
 *       ^                             |
 *       | shrink                      +--> model:  edge inside | it_nat   | edge outside  (model.c)
 *       |                                        |
 *       +---- difference <-- compare up to the renaming of random ports <--+              (compare.c)
 *
 * A script names endpoints, never ports that a NAT has chosen: "the external endpoint that flow 1:5000 to 2:3478 was
 * seen from" is looked up on each side by itself. So the same text drives both, whatever ports they draw. */
#ifndef IT_TESTS_GROUNDTRUTH_GT_H
#define IT_TESTS_GROUNDTRUTH_GT_H

#include "base/bytes.h"
#include "base/rng.h"
#include "lab/profile/profile.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define GT_OWN 0x0a000001u    /* 10.0.0.1, the box inside */
#define GT_INSIDE 0x0a00000au /* 10.0.0.10 + host */
#define GT_EXT 0xc6336401u    /* 198.51.100.1, and three more */
#define GT_EXT_N 4
#define GT_REMOTE 0xcb00710au /* 203.0.113.10 + remote */

enum { GT_IN, GT_OUT }; /* the two devices: inside and outside */

/* --- scripts --- */

#define GT_STEPS 40

enum gt_op {
    GT_SEND, /* an inside host sends */
    GT_RECV, /* a remote host sends */
    GT_OERR, /* somebody outside complains by ICMP about what a flow sent out */
    GT_IERR, /* somebody inside complains about what a flow got in */
    GT_WAIT, /* time passes */
    GT_OPS
};

/* What a TCP end does. It does nothing where it cannot: no answer without a SYN, no data without a connection. */
enum gt_tcp { GT_TCP_NONE, GT_TCP_SYN, GT_TCP_ANSWER, GT_TCP_DATA, GT_TCP_FIN, GT_TCP_RST, GT_TCP_ACK, GT_TCP_AGAIN };

/* What a packet is aimed at. */
enum gt_aim {
    GT_DIRECT,  /* SEND: remote c:d; RECV: inside host c:d, untranslated */
    GT_FLOW,    /* the external endpoint that flow c:d to e:f was last seen from */
    GT_LITERAL, /* the external address, port d */
    GT_BOX,     /* the box's inside address, port d */
    GT_AIMS
};

/* What is out of the ordinary about the packet of a step (odd.c). |y| of the step says more. */
enum gt_odd {
    GT_PLAIN,
    GT_BAD_IP,  /* the IP header's checksum is wrong */
    GT_BAD_SUM, /* the transport's is */
    GT_NO_SUM,  /* UDP without one */
    GT_TTL,     /* hop limit y */
    GT_TOS,     /* type of service y */
    GT_NO_DF,   /* may be fragmented; identification y */
    GT_BIG,     /* a body of y bytes */
    GT_UDP_LEN, /* UDP length y, whatever there is */
    GT_FLAGS,   /* TCP flags y & 255; sequence and acknowledgment off by GT_OFFS[y >> 8 & 7], [y >> 12 & 7] */
    GT_FRAG,    /* in fragments: see gt_fragments */
    GT_TO,      /* to address GT_STRANGE[y] */
    GT_FROM,    /* from it */
    GT_PORTS,   /* y 1: source port 0, 2: destination port 0, 3: both */
    GT_TYPE,    /* ICMP type y >> 8, code y & 255 */
    GT_QUOTE,   /* of errors: the packet inside is not as it was; enum gt_quote */
    GT_ODDS
};

/* How the packet inside an error differs from the one it is about. */
enum gt_quote {
    GT_Q_IP_SUM,    /* its header's checksum is wrong */
    GT_Q_SHORT,     /* 8 bytes behind its header, no more */
    GT_Q_PORT,      /* another local port: no such session */
    GT_Q_REMOTE,    /* another remote port: no such session */
    GT_Q_LATER,     /* it is a later fragment */
    GT_Q_OUTER,     /* the error's own checksum is wrong */
    GT_Q_SUM,       /* its transport checksum is wrong */
    GT_Q_PADDED,    /* bytes behind it */
    GT_Q_ELSEWHERE, /* the error is for another address than the packet's source */
    GT_Q_TTL,       /* it had a hop limit of 1 when it was met */
    GT_QUOTES
};

typedef struct gt_step {
    uint8_t op, proto, aim;
    uint8_t odd;         /* enum gt_odd */
    uint16_t a, b;       /* who: inside host or remote, and its port or query identifier */
    uint16_t c, d, e, f; /* at what */
    uint16_t x; /* OERR, IERR: type << 8 | code; TCP: enum gt_tcp; ICMP: 1 = the unusual half (a reply out, a request
                   in); WAIT: ms */
    uint16_t y; /* of |odd| */
} gt_step;

/* Idle times, in this order on the line "timers" of a script. */
enum gt_timer {
    GT_T_UDP,        /* without a reply, or with one and no stream yet */
    GT_T_UDP_STREAM, /* with a reply, and a packet 2 s after the first */
    GT_T_ICMP,
    GT_T_SYN, /* TCP, by netfilter's names of states */
    GT_T_SYN_RECV,
    GT_T_EST,
    GT_T_FIN_WAIT,
    GT_T_CLOSE_WAIT,
    GT_T_LAST_ACK,
    GT_T_TIME_WAIT,
    GT_T_CLOSE,
    GT_T_FRAG,       /* fragments of a datagram that is not whole */
    GT_T_OTHER,      /* other protocols; GRE without an answer */
    GT_T_GRE_STREAM, /* GRE with one */
    GT_T_UNACKED,    /* established, and data that nobody acknowledges, or the same again and again */
    GT_TIMERS
};

typedef struct gt_script {
    uint64_t seed;
    uint8_t timer[GT_TIMERS]; /* s; all 0: as they are */
    uint32_t n;
    gt_step v[GT_STEPS];
} gt_script;

/* What kinds of steps a script may have. */
typedef struct gt_gen {
    bool tcp, icmp, slow;
    bool raw;       /* packets out of the ordinary and other protocols too */
    bool answers;   /* the box itself answers what nobody inside has asked for */
    bool own_ports; /* no two inside hosts use the same port */
    bool edm;       /* an inside endpoint has many external ports anyway, else only after a clash */
    bool one_way;   /* no remote reaches an inside endpoint by two external ports: see differences.tsv */
} gt_gen;

void gt_generate(gt_script *s, uint64_t seed, const gt_gen *g);
void gt_print(FILE *to, const gt_script *s);
/* Reads a line of what gt_print wrote into |s|; false when it makes no sense, or is a step too many. */
bool gt_read_line(const char *line, gt_script *s);
/* One step as text, without newline. */
void gt_step_text(const gt_step *s, char *out, size_t cap);

/* --- packets --- */

#define GT_PKT 1500

/* What is compared of a packet, addresses in host order. */
typedef struct gt_view {
    uint8_t dev;
    uint8_t proto, ttl;
    uint8_t type, code; /* ICMP; TCP: flags in |type| */
    bool bad;           /* a checksum is wrong or the packet is not whole */
    uint32_t src, dst;
    uint16_t sport, dport; /* ICMP query: both the identifier */
    uint32_t seq, ack;
    uint16_t frag; /* the fragment word of the header, without DF */
    bool own;      /* the box made it: its identification is nobody's */
    bool inner;    /* ICMP error: there is a packet inside it */
    uint8_t in_proto;
    uint32_t in_src, in_dst;
    uint16_t in_sport, in_dport;
    uint16_t n; /* all its bytes, with what translation may change made comparable: see gt_canon */
    uint8_t b[GT_PKT];
} gt_view;

typedef struct gt_raw {
    uint16_t n;
    uint8_t b[GT_PKT];
} gt_raw;

typedef struct gt_make {
    uint8_t proto, type, code, flags; /* type, code: ICMP; flags: TCP */
    uint32_t src, dst;
    uint16_t sport, dport; /* ICMP: identifier in |sport| */
    uint32_t seq, ack;
    const uint8_t *body;
    size_t n;
} gt_make;

void gt_build(gt_raw *out, const gt_make *m);
/* Makes the checksums of |p| right, that of the transport for |len| bytes behind the header. */
void gt_sum_ip(gt_raw *p);
void gt_sum_l4(gt_raw *p, size_t len);
void gt_parse(gt_view *v, int dev, const gt_raw *p);
/* Where the checksum of protocol |proto| stands behind the IP header; -1: nowhere that counts. */
int gt_sum_at(uint8_t proto);

/* --- out of the ordinary --- */

#define GT_RAWS 8 /* packets of a step at most */

extern const uint32_t GT_STRANGE[];
extern const int32_t GT_OFFS[8];

/* Gives step |t| something out of the ordinary that fits it. */
void gt_odd_choose(it_rng *r, gt_step *t, bool answers);
/* How many bytes of body the packet of |s| has. */
size_t gt_odd_body(const gt_step *s);
/* Makes of |out|[0], the packet of |s| as it would be, what is sent: returns how many. |id|: for fragments. */
uint32_t gt_odd_apply(const gt_step *s, gt_raw out[GT_RAWS], uint16_t id);
/* The name of |odd| in scripts. */
const char *gt_odd_name(uint8_t odd);
/* Makes the bytes of |v| comparable with those of a packet that was given other ports: ports are 0, and where a
 * checksum was there is what of it no translation changes. */
void gt_canon(gt_view *v);
const char *gt_proto_name(uint8_t proto);
void gt_view_text(const gt_view *v, char *out, size_t cap);

/* --- sides --- */

/* One of the two that a script drives. |send| hands over a packet at |dev|; |take| returns what came out of |dev| and
 * true, or false when it is certain that nothing more will come. */
typedef struct gt_side gt_side;
struct gt_side {
    const char *name;
    void (*timers)(gt_side *s, const uint8_t timer[GT_TIMERS]); /* before reset; not called when all are as they are */
    void (*reset)(gt_side *s, uint64_t luck);
    void (*send)(gt_side *s, int dev, const gt_raw *p);
    void (*settle)(gt_side *s); /* after send: everything that comes out has come out */
    bool (*take)(gt_side *s, int dev, gt_raw *p);
    uint32_t (*wait)(gt_side *s, uint32_t ms); /* returns how long it has really been */
};

typedef struct gt_case {
    const char *name;    /* "linux-masq", "typed-edm-adf" */
    const char *profile; /* of ours */
    const char *nat;     /* statement of the nat postrouting chain */
    const char *input;   /* what happens to what is new at the outside device; "" nothing */
    int8_t filtering;    /* -1: as the profile; else enum it_nat_dep, made with nft maps */
    bool random;         /* external ports are drawn */
    bool one_way;        /* scripts keep to gt_gen.one_way */
    bool hairpin;        /* typed: the nft rules turn round, with the external source */
} gt_case;

extern const gt_case GT_CASES[];
const gt_case *gt_case_find(const char *name);

/* Enters a network namespace of its own and makes box and devices there. NULL, with a sentence in |why|, where that is
 * not possible. |map_s|: idle time of the entries of a typed case's map, 0: 120 s. */
gt_side *gt_kernel_new(const gt_case *c, uint32_t map_s, char why[256]);
/* NULL and |why| when the profile is none that can be made. */
gt_side *gt_model_new(const gt_case *c, uint32_t map_s, char why[256]);

/* A new TUN device |name| of this namespace, non-blocking; -1 and errno. */
int gt_tun_open(const char *name);

/* --- TCP --- */

/* Lets our TCP talk with the kernel's, each case in a namespace of its own, captures into |dir| (NULL: none). 0 when
 * all pass. */
int gt_interop(const char *dir, const char *only);

/* Compares how long voice frames, replies and bulk take by our TCP and by the kernel's through the same link with the
 * same losses; |quick|: one seed. |only|: "voice", "reply 14 kB", "bulk", NULL: all. 0 when all are alike. */
int gt_media(bool quick, const char *only);
/* Compares when time-outs, window and keepalive probes come, and how long holes and a smaller path MTU take. */
int gt_times(void);

/* --- real programs --- */

/* Lets the STUN clients of others tell the kind of each NAT44 profile, or of |only|, and ours with the server of
 * others; |file| has the verdicts that are expected. 0 when all are, 1, 2 (no such profile) or 77. */
int gt_discovery(const char *file, const char *only);

/* Lets the port mapping clients of others ask our boxes, or the box |only|. 0 when all goes as expected, 1, 2 (no such
 * box) or 77. */
int gt_clients(const char *only);

/* --- limits --- */

/* Fills what is limited in the case |case_name|, both sides, and compares how many flows get out. 0, or 1 when the
 * counts are not as expected. */
int gt_limits(const char *case_name, gt_side *kernel, gt_side *model);

/* --- running --- */

#define GT_VIEWS 12

typedef struct gt_seen {
    uint32_t n;
    gt_view v[GT_VIEWS];
} gt_seen;

/* How a script ended: |at| is the step that differs, script->n when none does. */
typedef struct gt_result {
    uint32_t at;
    bool luck;       /* a side drew the same port twice, or the internal one, or a wait was too long: to be run again */
    uint32_t did[4]; /* steps that let a packet out, let one in, were answered by ICMP, had no effect */
    gt_seen kernel, model;
    char what[200]; /* the difference as a signature: no addresses, no ports */
} gt_result;

/* Runs |s| through both. */
void gt_run(const gt_script *s, const gt_case *c, gt_side *kernel, gt_side *model, uint64_t luck, gt_result *r);
/* The same, drawn anew as long as it ends by bad luck. */
void gt_compare(const gt_script *s, const gt_case *c, gt_side *kernel, gt_side *model, gt_result *r);
/* Leaves out of |s| what the difference |r| does not need. */
void gt_shrink(gt_script *s, const gt_case *c, gt_side *kernel, gt_side *model, gt_result *r);
/* Prints what |seen| has, each packet on a line of |who|. */
void gt_print_seen(const char *who, const gt_seen *seen);

#define GT_SLOW_MAP 4 /* s, the entries of a typed case's map in slow scripts */

/* --- explained differences (differences.c) --- */

#define GT_KNOWN 32

/* One line of differences.tsv. */
typedef struct gt_known {
    char name[48]; /* of the case, "slow " before it where time passes */
    char what[200];
    char replay[64]; /* name of the file that shows it */
    bool (*when)(const gt_script *s, const gt_result *r);
} gt_known;

typedef struct gt_differences {
    uint32_t n;
    gt_known v[GT_KNOWN];
} gt_differences;

/* Reads |file|, NULL: nothing is explained. False on a line that makes no sense, named on stderr. */
bool gt_differences_read(gt_differences *d, const char *file);
/* True when a line of |d| explains that |s| ended as |r|. */
bool gt_explained(const gt_differences *d, const char *name, bool slow, const gt_script *s, const gt_result *r);

/* --- replays (replay.c) --- */

typedef struct gt_replay {
    const gt_case *c;
    bool slow;       /* it has timers: time passes in it */
    char shows[200]; /* "equal", or the signature of the difference */
    gt_script s;
} gt_replay;

/* Reads |file|: "case NAME", "shows WORDS", and a script. |c|: the case where the file names none, or NULL. False, and
 * a sentence on stderr, where that makes no sense. */
bool gt_replay_read(gt_replay *p, const char *file, const gt_case *c);
/* Runs |file| alone and prints what came out. 0 when it shows what it says (or is equal, where it does not say), else
 * 1, 2, 77. */
int gt_replay_run(const char *file, const gt_case *c);
/* Runs all files of |dir| side by side, each in a namespace of its own: each must show what it says, and each line of
 * |d| must be shown by its file. 0, 1, or 77. */
int gt_replay_all(const char *dir, const gt_differences *d);

#endif
