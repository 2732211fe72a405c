/* Proportional rate reduction: RFC 6937. In recovery the window comes down to ssthresh by what is delivered, not by a
 * silence. */
#include "netsim/tcp/impl.h"

/* Section 3, beginning of recovery. RecoverFS is the window before, as in Linux: of a sender that has less to send than
 * the window allows, what is under way says nothing about the path. */
void it_tcp_prr_start(it_tcp_conn *c)
{
    c->prr_delivered = c->prr_out = 0;
    c->prr_fs = c->cwnd;
}

/* Section 3, on every acknowledgment: PRR with the slow start reduction bound, which is used while nothing more is lost
 * (PRR-SSRB), the conservative one otherwise (PRR-CRB). */
void it_tcp_prr_ack(it_tcp_conn *c, uint32_t delivered, uint32_t lost, bool advanced)
{
    uint32_t pipe = it_tcp_flight(c);
    int64_t send = 0;
    if (delivered == 0 || c->prr_fs == 0)
        return;
    c->prr_delivered += delivered;
    if (pipe > c->ssthresh) {
        uint64_t due = ((uint64_t)c->prr_delivered * c->ssthresh + c->prr_fs - 1) / c->prr_fs;
        send = (int64_t)due - c->prr_out;
    } else {
        int64_t room = (int64_t)c->ssthresh - pipe;
        send = (int64_t)c->prr_delivered - c->prr_out;
        send = send > delivered ? send : delivered;
        send += advanced && lost == 0;
        send = send < room ? send : room;
    }
    if (send < (c->prr_out == 0)) /* the first retransmission leaves at once */
        send = c->prr_out == 0;
    c->cwnd = pipe + (uint32_t)send > 1 ? pipe + (uint32_t)send : 1;
}
