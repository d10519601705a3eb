package rpc

import "testing"

func BenchmarkAnswer(b *testing.B) {
	for name, body := range map[string]string{
		"uptime":       `{"action":"uptime"}`,
		"account_info": `{"action":"account_info","account":"` + alice.account.String() + `","representative":"true","receivable":"true"}`,
		"process":      `{"action":"process","json_block":"true","block":` + string(EncodeBlock(&newBench(b, nil).node.network.Genesis)) + `}`,
	} {
		b.Run(name, func(b *testing.B) {
			x := &exchange{server: newBench(b, nil).server, ctx: b.Context()}
			b.ReportAllocs()
			for b.Loop() {
				x.answer([]byte(body))
			}
		})
	}
}
