/** Which addresses are on the internet, and which are of this machine, its network or of no machine. Pure. */

import { BlockList, isIP } from 'node:net'

/** IANA's special-purpose registries (RFC 6890, with what was added since), and multicast. */
const IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
]
/** Also what holds an IPv4 address inside: through a translator it may lead to any of the above. */
const IPV6 = [
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
]

const SPECIAL = new BlockList()
for (const range of IPV4) add(range, 'ipv4')
for (const range of IPV6) add(range, 'ipv6')

function add(range: string, family: 'ipv4' | 'ipv6'): void {
  const [network = '', bits = ''] = range.split('/')
  SPECIAL.addSubnet(network, Number(bits), family)
}

/** False for what is no address, too. An IPv4 address inside an IPv6 one (`::ffff:…`) is judged as itself. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address)
  return version !== 0 && !SPECIAL.check(address, version === 4 ? 'ipv4' : 'ipv6')
}

/** The host of a URL when it is an address or names this machine: `127.0.0.1`, `::1`, `localhost`; null for a name. */
export function literalHost({ hostname }: URL): string | null {
  const bare = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  return isIP(bare) !== 0 || /(^|\.)localhost$/.test(bare) ? bare : null
}

/** Whether a URL itself, without a look at any name, leads inside. */
export function namesInside(url: URL): boolean {
  const host = literalHost(url)
  return host !== null && !isPublicAddress(host)
}
