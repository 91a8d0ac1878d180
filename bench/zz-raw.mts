import * as fs from 'node:fs'
const f='/tmp/raw.bin'; fs.writeFileSync(f, Buffer.alloc(112e6, 'x'))
const fd=fs.openSync(f,'r')
function run(name: string, fn: ()=>void){ const r:number[]=[],w:number[]=[]; for(let i=0;i<8;i++){const c=process.cpuUsage(),t=performance.now(); fn(); const u=process.cpuUsage(c); r.push((u.user+u.system)/1000); w.push(performance.now()-t)} r.sort((a,b)=>a-b); w.sort((a,b)=>a-b); console.log(name,'cpu ms/1M min',r[0]!.toFixed(0),'med',r[4]!.toFixed(0),'wall min',w[0]!.toFixed(0),'med',w[4]!.toFixed(0))}
for (const size of [16,64,256,512,1024,2048,4096]) { const n=size*1024
run('fresh '+size, ()=>{ for(let p=0;p<112e6;p+=n){ const b=Buffer.allocUnsafe(n); fs.readSync(fd,b,0,n,p)} })
}
